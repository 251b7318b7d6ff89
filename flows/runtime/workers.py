"""Where the work runs: a bounded number of cores for DFT and training together, and worker processes of one thread."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from loky import ProcessPoolExecutor
from prefect.task_runners import ThreadPoolTaskRunner

from al_core.storage.processes import exit_with_parent, keep_freed_memory

Result = TypeVar("Result")

_IDLE_SECONDS = 600
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_WAITING_TASKS = 16  # threads of a flow; how many of them compute at once is what Cores bounds

# one thread is one task run that waits for a process, so that Prefect's default of unbounded threads is not needed
TASK_RUNNER: Any = ThreadPoolTaskRunner(max_workers=_WAITING_TASKS)


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """The cores of this process's flows: labels and trainings each take one while they compute."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: deque[object] = deque()  # who came first is served first, or large labels would wait for ever
        self._limit = available_cores()
        self._taken = 0

    def limit(self, workers: int) -> None:
        """Set how many may compute at once; 0 is one a core."""
        with self._condition:
            self._limit = workers or available_cores()
            self._condition.notify_all()

    @property
    def size(self) -> int:
        """How many may compute at once."""
        return self._limit

    @contextlib.contextmanager
    def hold(self, wanted: int = 1) -> Iterator[None]:
        """Hold some cores, all of them at most, waiting until they are free."""
        with self._condition:
            number, me = min(wanted, self._limit), object()
            self._queue.append(me)
            self._condition.wait_for(lambda: self._queue[0] is me and self._taken + number <= self._limit)
            self._queue.popleft()
            self._taken += number
            self._condition.notify_all()
        try:
            yield
        finally:
            with self._condition:
                self._taken -= number
                self._condition.notify_all()


CORES = Cores()


def _start_worker(parent: int) -> None:
    exit_with_parent(parent)
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)


class _Workers:
    """One pool of worker processes for all threads, made on first use and again when a worker was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._size = 0

    def pool(self, size: int) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None or self._pool._flags.broken or self._size != size:
                self._size = size
                self._pool = ProcessPoolExecutor(
                    max_workers=size,
                    timeout=_IDLE_SECONDS,
                    initializer=_start_worker,
                    initargs=(os.getpid(),),
                    env=_ONE_THREAD,
                )
            return self._pool


_WORKERS = _Workers()


def in_worker(function: Callable[..., Result], *arguments: Any) -> Result:
    """Run a function of this project in a worker process with one thread and return its result.

    The workers are kept between calls, because importing torch and mace takes seconds.
    """
    with CORES.hold():
        result: Result = _WORKERS.pool(CORES.size).submit(function, *arguments).result()
        return result
