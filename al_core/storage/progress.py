"""Progress across processes: who works writes its steps to a small file, who waits for it reads them there."""

import time
from collections.abc import Callable
from pathlib import Path

from al_core.storage.files import write_text

_WRITE_EVERY_S = 1.0


def steps_file(folder: Path, number: int) -> Path:
    """Return where the steps of one of several jobs stand while they run."""
    return folder / f".steps-{number}"


def step_writer(file: Path) -> Callable[[int, int], None]:
    """Return a callback ``(done, total)`` that writes the steps done, about once a second and at the end."""
    written = -_WRITE_EVERY_S

    def write(done: int, total: int) -> None:
        nonlocal written
        if done == total or time.monotonic() - written >= _WRITE_EVERY_S:
            written = time.monotonic()
            write_text(file, str(done))

    return write


def steps_done(files: list[Path]) -> int:
    """Return the steps of several jobs together; one that has not started has done none."""
    return sum(int(file.read_text(encoding="utf-8")) for file in files if file.exists())
