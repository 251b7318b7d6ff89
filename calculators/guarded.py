"""One label, one subprocess: it keeps memory, crashes and output of another code away from the study."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from al_core.errors import LabelError
from al_core.storage.files import read_json

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
RESULT = "result.json"


def run_guarded(command: Sequence[str], directory: Path, what: str, timeout_s: float, cores: int) -> dict[str, Any]:
    """Run the program of a labelling subprocess, one thread a process, and return what it wrote.

    Args:
        command: the program; it writes ``result.json`` last, and ends with this process.
        directory: of the label, where its output is.
        what: the code, as messages call it.
        timeout_s: after which it is killed, with all that it started.
        cores: that it takes.

    Raises:
        LabelError: it took too long, or ended without a result.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        command,
        env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, "1")},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the study: it must not look like a failure of this structure
    )
    try:
        code = process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise LabelError(
            f"{what} took longer than timeout_s={timeout_s:g} s; output in {directory}",
            transient=True,
            core_seconds=timeout_s * cores,
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group: what it started dies with it
        process.wait()
    if not (directory / RESULT).exists():
        raise LabelError(
            f"the {what} process ended with code {code}; output in {directory}",
            transient=True,
            core_seconds=(time.monotonic() - start) * cores,  # of one thread
        )
    outcome: dict[str, Any] = read_json(directory / RESULT)
    return outcome


def limit_memory(megabytes: int | None) -> None:
    """Let this process, and each that it starts, take no more memory than that."""
    if megabytes:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))


def clear(directory: Path, largest_kept: int) -> None:
    """Remove what a code left in a folder: its own folders, and files of more than so many bytes (wave functions).

    The output of other attempts at the label (``attempt-N``) stays.
    """
    for path in directory.iterdir() if directory.exists() else ():
        if path.is_dir() and not path.name.startswith("attempt-"):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and path.stat().st_size > largest_kept:
            path.unlink()


def cause(error: Exception) -> str:
    """Return the kind and the first line of ``error``; whichever way memory ran out, the kind is ``MemoryError``.

    NumPy has a kind of its own for it; a folder that cannot be listed or a library that cannot be mapped is an
    :class:`OSError` or :class:`ImportError` with the system's words; a function of NumPy's that gets no memory may end
    without a word, which is a :class:`SystemError`.
    """
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    if isinstance(error, MemoryError):
        return f"MemoryError: {error}".splitlines()[0]
    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    wordless = limited and isinstance(error, SystemError) and "without setting an exception" in text
    return f"MemoryError: {text}" if wordless or os.strerror(errno.ENOMEM) in text else text
