"""Where functions run: in this process, in processes of this machine, or on a cluster. Every flow makes its own."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from al_core.config.site import AnySite, Jobs, QueueSite
from flows.runtime import sites
from flows.runtime.dask_runner import DaskRunner

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

ACTIVITY = "activity"  # folder of what the workers are at, in that of a run


class Pending(Protocol[Result_co]):
    """The future of a function."""

    def result(self, timeout: float | None = None) -> Result_co:
        """Wait for what the function returned, at most so many seconds; raise what it raised."""


class Runner(Protocol):
    """Runs functions on a bounded number of cores. Safe to call from several threads.

    Leaving its context drops what has not finished.
    """

    @property
    def cores(self) -> int:
        """How many functions of one core run at once."""

    @property
    def submitted_at_once(self) -> int:
        """How many functions are worth submitting: those that run, and those that a growing cluster may run."""

    @property
    def megabytes_per_core(self) -> float | None:
        """What a core that labels has, MB; None where it is not known."""

    def submit(
        self, function: Callable[..., Result], *arguments: Any, cores: int = 1, dft: bool = False
    ) -> Pending[Result]:
        """Return the future of ``function(*arguments)``, which waits in turn until its cores are free.

        Args:
            function: a function of a module; it and its arguments can be pickled.
            arguments: paths, ids and configs.
            cores: how many it takes while it runs; those of a worker at most.
            dft: whether it labels, for which some sites have jobs of their own.
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


def make_runner(site: AnySite, out: Path) -> Runner:
    """Return a runner that has not started yet.

    Args:
        site: where.
        out: folder of the run; jobs of a queue leave their output there.
    """
    if site.kind == "inline":
        return InProcess()
    if site.kind == "local":
        return _local(site.workers or available_cores(), out)
    if site.kind == "dask":
        return DaskRunner(partial(sites.join, site), None, out / ACTIVITY / "cluster.json")
    sites.queue_clusters()
    training = _queue(site, site.training, "training", out) if site.training else _local(available_cores(), out)
    return Divided(_queue(site, site.dft, "dft", out), training)


def _local(cores: int, out: Path) -> DaskRunner:
    return DaskRunner(partial(sites.start_local, cores), cores, out / ACTIVITY / "here.json")


def _queue(site: QueueSite, jobs: Jobs, name: str, out: Path) -> DaskRunner:
    connect = partial(sites.start_queue, site, jobs, out / "jobs" / name)
    return DaskRunner(connect, jobs.jobs[1] * jobs.cores, out / ACTIVITY / f"{name}.json", jobs.megabytes_per_core)


@dataclass(frozen=True)
class Divided:
    """Labels here, all else there.

    Attributes:
        dft: runs what labels.
        training: runs the rest.
    """

    dft: Runner
    training: Runner

    @property
    def cores(self) -> int:
        """How many functions of one core run at once."""
        return self.dft.cores + self.training.cores

    @property
    def submitted_at_once(self) -> int:
        """How many functions are worth submitting."""
        return self.dft.submitted_at_once + self.training.submitted_at_once

    @property
    def megabytes_per_core(self) -> float | None:
        """What a core that labels has, MB."""
        return self.dft.megabytes_per_core

    def submit(
        self, function: Callable[..., Result], *arguments: Any, cores: int = 1, dft: bool = False
    ) -> Pending[Result]:
        """Return the future of a function; see :class:`Runner`."""
        return (self.dft if dft else self.training).submit(function, *arguments, cores=cores)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        for one in (self.dft, self.training):
            one.__exit__(kind, error, trace)


class InProcess:
    """Runs every function at once, in the thread that submits it, one after the other."""

    cores = submitted_at_once = 1
    megabytes_per_core = None

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def submit(
        self, function: Callable[..., Result], *arguments: Any, cores: int = 1, dft: bool = False
    ) -> "Future[Result]":
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
