"""Where functions run: in this process, or in worker processes of this machine. Every flow makes its own runner."""

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from loky import ProcessPoolExecutor

from al_core.config.site import RunnerKind
from al_core.errors import WorkerError
from al_core.storage.processes import exit_with_parent, keep_freed_memory

Result = TypeVar("Result")

_IDLE_SECONDS = 600
# torch, BLAS and OpenMP read these when they are loaded
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Runner(Protocol):
    """Runs functions on a bounded number of cores. Safe to call from several threads.

    Leaving its context drops what has not finished.
    """

    @property
    def cores(self) -> int:
        """How many functions of one core run at once."""

    def submit(self, function: Callable[..., Result], *arguments: Any, cores: int = 1) -> "Future[Result]":
        """Return the future of ``function(*arguments)``, which waits in turn until its cores are free.

        Args:
            function: a function of a module; it and its arguments can be pickled.
            arguments: paths, ids and configs.
            cores: how many it takes while it runs; the runner's own number at most.
        """

    def __enter__(self) -> Self:
        """Return the runner."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_runner(kind: RunnerKind, workers: int = 0) -> Runner:
    """Return a runner that has not started yet.

    Args:
        kind: ``workers`` or ``inline``.
        workers: number of worker processes; 0 is one a core.
    """
    return InProcess() if kind == "inline" else LocalWorkers(workers or available_cores())


class InProcess:
    """Runs every function at once, in the thread that submits it, one after the other."""

    cores = 1

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def submit(self, function: Callable[..., Result], *arguments: Any, cores: int = 1) -> "Future[Result]":
        """Run the function and return its finished future."""
        future: Future[Result] = Future()
        with self._one_at_a_time:
            try:
                future.set_result(function(*arguments))
            except Exception as error:  # the caller gets it from the future
                future.set_exception(error)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to stop."""


@dataclass(frozen=True)
class _Job:
    future: "Future[Any]"
    cores: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class LocalWorkers:
    """Runs functions in worker processes of one thread, which start with the first and end with the runner.

    Args:
        cores: number of workers.
    """

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self._free = cores
        self._queue: deque[_Job] = deque()  # first come, first served: else large labels would wait for ever
        self._pool: ProcessPoolExecutor | None = None
        self._stopped = False
        self._lock = threading.RLock()

    def submit(self, function: Callable[..., Result], *arguments: Any, cores: int = 1) -> "Future[Result]":
        """Return the future of a function; see :class:`Runner`.

        The future raises what the function raised, or :class:`~al_core.errors.WorkerError` if its worker was killed.
        """
        job = _Job(Future(), min(cores, self.cores), function, arguments)
        with self._lock:
            if self._stopped:
                raise RuntimeError("the runner has stopped")
            self._queue.append(job)
        self._start_next()
        return job.future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the workers, at once after an error."""
        with self._lock:
            self._stopped = True
            while self._queue:
                self._queue.popleft().future.cancel()
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=kind is not None)

    def _start_next(self) -> None:
        with self._lock:
            while self._queue and self._queue[0].cores <= self._free:
                job = self._queue.popleft()
                if job.future.set_running_or_notify_cancel():
                    self._free -= job.cores
                    self._start(job).add_done_callback(partial(self._finish, job))

    def _start(self, job: _Job) -> "Future[Any]":
        """Hand a function to the worker processes, to new ones where one of the old was killed."""
        if self._pool is not None:
            try:
                future: Future[Any] = self._pool.submit(job.function, *job.arguments)
            except BrokenProcessPool:
                self._pool = None
            else:
                return future
        self._pool = ProcessPoolExecutor(
            max_workers=self.cores,
            timeout=_IDLE_SECONDS,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            env=_ONE_THREAD,
        )
        future = self._pool.submit(job.function, *job.arguments)
        return future

    def _finish(self, job: _Job, running: "Future[Any]") -> None:
        with self._lock:
            self._free += job.cores
        self._start_next()
        error = running.exception()
        if isinstance(error, BrokenProcessPool):
            killed = WorkerError(f"a worker process was killed while it ran {job.function.__name__}; is memory short?")
            killed.__cause__ = error
            error = killed
        if error is None:
            job.future.set_result(running.result())
        else:
            job.future.set_exception(error)


def _start_worker(parent: int) -> None:
    exit_with_parent(parent)
    keep_freed_memory()
