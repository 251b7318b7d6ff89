"""Functions for runners to run in other processes, and the files by which tests steer them."""

import errno
import os
import time
from pathlib import Path


def report(name: str, folder: Path) -> int:
    """Write a file that says this began, wait until the file ``go`` is there, and return the process id."""
    (folder / f"process-{os.getpid()}").touch()
    (folder / f"began-{name}").write_text(str(time.monotonic()))
    while not (folder / "go").exists():
        time.sleep(0.005)
    return os.getpid()


def began(folder: Path) -> list[str]:
    """Return the names of what began, in order."""
    files = sorted(folder.glob("began-*"), key=lambda file: float(file.read_text() or "inf"))
    return [file.name.removeprefix("began-") for file in files]


def alive(folder: Path) -> list[int]:
    """Return the processes that :func:`report` ran in and that are still there."""
    found = [int(file.name.removeprefix("process-")) for file in folder.glob("process-*")]
    return [process for process in found if Path(f"/proc/{process}").exists()]


def threads() -> int:
    """Return the number of threads torch computes with."""
    import torch

    return torch.get_num_threads()


def fill_the_disk() -> None:
    """Fail as a write to a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/model")


def crash() -> None:
    """End this process without a word."""
    os.abort()


def grow(megabytes: int) -> int:
    """Take memory, keep it, and return the process id."""
    _KEPT.append(b"x" * (megabytes << 20))
    return os.getpid()


_KEPT: list[bytes] = []
