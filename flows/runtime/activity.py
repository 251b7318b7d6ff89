"""What the workers of a run are at, written down for ``graft study status``."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_core.storage.files import read_json, write_json

if TYPE_CHECKING:
    from distributed import Client

_EVERY_S, _STALE_S = 5.0, 60.0  # what a killed run left is stale


@dataclass(frozen=True)
class Busy:
    """One Dask worker.

    Attributes:
        name, host: who and where.
        cores: how many functions of one core it runs at once.
        job: number of its job in the queue, '' if it is none.
        does: names of the functions that run.
    """

    name: str
    host: str
    cores: int
    job: str
    does: tuple[str, ...]


@dataclass(frozen=True)
class Activity:
    """What a cluster was at.

    Attributes:
        workers: those that have joined.
        queued: numbers of jobs whose workers have not joined.
        waiting: {name of a function: how many wait for a core}.
        time: when that was, seconds since 1970.
    """

    workers: tuple[Busy, ...]
    queued: tuple[str, ...]
    waiting: Mapping[str, int]
    time: float


def read_activity(folder: Path) -> list[Activity]:
    """Return what the clusters of a run are at, one or two; nothing where none is in use, or said so lately."""
    found = []
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):  # the run ended just now
            written = read_json(file)
            workers = tuple(Busy(**{**one, "does": tuple(one["does"])}) for one in written.pop("workers"))
            found.append(Activity(workers, tuple(written.pop("queued")), **written))
    return [one for one in found if time.time() - one.time < _STALE_S]


class Watch:
    """Writes what a cluster is at into a file, every few seconds until it is stopped.

    Args:
        client: of the cluster.
        jobs: {name of a worker: number of its job}, of those that have been asked for.
        file: is deleted at the end.
    """

    def __init__(self, client: "Client", jobs: Callable[[], Mapping[str, str]], file: Path) -> None:
        self._client, self._jobs, self._file = client, jobs, file
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True, name="activity")
        self._thread.start()

    def stop(self) -> None:
        """Stop, and delete the file."""
        self._stopped.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it was never made, or another cluster's file is in it
            self._file.parent.rmdir()

    def _write(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            with contextlib.suppress(OSError):  # the scheduler or the disk hesitated: the next time
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write_json(self._file, asdict(activity(self._client, self._jobs())))


def activity(client: "Client", jobs: Mapping[str, str]) -> Activity:
    """Return what a cluster is at."""

    def look(dask_scheduler: Any) -> tuple[list[tuple[str, str, int, list[str]]], list[str]]:
        """Run in the scheduler: as a local function its code is sent along."""
        tasks, workers = dask_scheduler.tasks, dask_scheduler.workers.values()
        running = {task.key for worker in workers for task in worker.executing}
        return (
            [(str(one.name), one.host, one.nthreads, [task.key for task in one.executing]) for one in workers],
            [key for key, task in tasks.items() if key not in running and task.state in ("processing", "no-worker")],
        )

    workers, waiting = client.run_on_scheduler(look)
    names = [_function(key) for key in waiting]
    return Activity(
        tuple(
            Busy(name, host, cores, jobs.get(name, ""), tuple(map(_function, keys)))
            for name, host, cores, keys in workers
        ),
        tuple(job for name, job in jobs.items() if name not in {one[0] for one in workers}),
        {name: names.count(name) for name in dict.fromkeys(names)},
        time.time(),
    )


def _function(key: object) -> str:
    """Return the name of the function that a Dask task runs: see :class:`flows.runtime.dask_runner.DaskRunner`.

    On a cluster that others use, their tasks may have keys that are no text.
    """
    return str(key).rpartition("-")[0]
