"""Worker processes of this machine, one thread each."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from loky import ProcessPoolExecutor

from al_core.storage.processes import exit_with_parent, keep_freed_memory

_IDLE_SECONDS = 600
# torch, BLAS and OpenMP read these when they are loaded
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# loky ends a process that has grown by 300 MB, as each does that keeps its freed memory
_ENVIRONMENT |= {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}


class Processes:
    """Runs functions in processes, which start with the first one; a killed process is replaced.

    Args:
        number: how many at once.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Return the future of a function. It raises BrokenProcessPool if a process was killed while it ran."""
        with self._lock:
            if self._pool is not None:
                try:
                    future: Future[Any] = self._pool.submit(function, *arguments)
                except BrokenProcessPool:
                    self._pool = None
                else:
                    return future
            self._pool = ProcessPoolExecutor(
                max_workers=self._number,
                timeout=_IDLE_SECONDS,
                initializer=_start,
                initargs=(os.getpid(),),
                env=_ENVIRONMENT,
            )
            first: Future[Any] = self._pool.submit(function, *arguments)
            return first

    def close(self) -> None:
        """End the processes at once, with what they are at."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)


def _start(parent: int) -> None:
    exit_with_parent(parent)
    keep_freed_memory()
