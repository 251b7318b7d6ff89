"""Runs functions on the workers of a Dask cluster, the machine's own or one of many machines."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from al_core.errors import WorkerError
from flows.runtime.activity import Watch

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

_WAITING, _THREADS = 64, 1000  # fewest that wait on a cluster; most threads that wait in the flow's process


@dataclass(frozen=True)
class Connection:
    """A Dask cluster that a run uses.

    Attributes:
        client: connected.
        setup: name of what was brought to the workers.
        cores: of all workers, at most.
        widest: cores of a worker.
        close: ends what was started for it.
        jobs: {name of a worker: number of its job in the queue}.
    """

    client: "Client"
    setup: str
    cores: int
    widest: int
    close: Callable[[], Any]
    jobs: Callable[[], Mapping[str, str]] = dict


class Computing(Generic[Result]):
    """The future of a function; see :class:`~flows.runtime.runner.Pending`.

    Args:
        future: Dask's.
        name: of the function.
        stopped: whether the runner has stopped.
    """

    def __init__(self, future: Any, name: str, stopped: Callable[[], bool]) -> None:
        self._future, self._name, self._stopped = future, name, stopped
        self._given_up = False

    def result(self, timeout: float | None = None) -> Result:
        """Wait for what the function returned; raise what it raised.

        Raises:
            WorkerError: its process was killed, or workers again and again; or the scheduler was lost.
            CancelledError: nobody computes it any more.
            TimeoutError: it takes more than so many seconds.
        """
        from distributed.client import ClosedClientError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            if self._future.cancelled():  # there may be nobody left to ask
                raise CancelledError
            found: Result = self._future.result(timeout)
        except KilledWorker as error:
            last = error.last_worker.name
            raise WorkerError(f"workers ended while they ran {self._name}, the last one was {last}") from error
        except (CancelledError, CommClosedError, ClosedClientError) as error:
            if isinstance(error, CancelledError) and (self._given_up or self._stopped()):
                raise
            message = f"the connection to the Dask scheduler was lost while {self._name} ran; when it is there again "
            raise WorkerError(f"{message}the same command goes on") from error
        return found

    def cancel(self) -> None:
        """Give up waiting: a function that has not begun does not."""
        self._given_up = True
        self._future.cancel()


class DaskRunner:
    """See :class:`~flows.runtime.runner.Runner`. Who waits gets its cores in turn: first come, first served.

    Args:
        connect: starts or finds the cluster; called once, with the first function.
        cores: how many functions of one core run at once; asked of the cluster if None.
        activity: file that says what the workers are at.
        megabytes_per_core: what each core has; None where it is not known.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        cores: int | None,
        activity: Path,
        megabytes_per_core: float | None = None,
    ) -> None:
        self._connect, self._cores, self._activity = connect, cores, activity
        self.megabytes_per_core = megabytes_per_core
        self._connection: Connection | None = None
        self._watch: Watch | None = None
        self._submitted = 0
        self._stopped = False
        self._lock = threading.RLock()

    @property
    def cores(self) -> int:
        """How many functions of one core run at once."""
        return self._connected().cores if self._cores is None else self._cores

    @property
    def submitted_at_once(self) -> int:
        """How many functions are worth submitting: a cluster whose cores are asked of it may grow."""
        return min(self.cores if self._cores else max(_WAITING, 2 * self.cores), _THREADS)

    def submit(
        self, function: Callable[..., Result], *arguments: Any, cores: int = 1, dft: bool = False
    ) -> Computing[Result]:
        """Return the future of a function; see :class:`~flows.runtime.runner.Runner`."""
        with self._lock:
            if self._stopped:
                raise RuntimeError("the runner has stopped")
            there = self._connected()
            from flows.runtime.dask_worker import CORES, in_process  # imports Dask, which takes a moment

            self._submitted += 1
            future = there.client.submit(
                in_process,
                there.setup,
                function,
                arguments,
                key=f"{function.__name__}-{uuid.uuid4().hex}",
                pure=False,
                resources={CORES: min(cores, there.widest)},
                priority=-self._submitted,
            )
        return Computing(future, function.__name__, lambda: self._stopped)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what has not finished, and leave the cluster."""
        with self._lock:
            self._stopped = True
            connection, self._connection = self._connection, None
            watch, self._watch = self._watch, None
        if connection is not None and watch is not None:
            from distributed.client import ClosedClientError

            watch.stop()
            # what is lost with the scheduler, or with a worker
            with contextlib.suppress(OSError, ValueError, KeyError, ClosedClientError):
                connection.client.cancel(list(connection.client.futures))
                connection.client.unregister_worker_plugin(connection.setup)  # what still runs ends
            connection.client.close()
            connection.close()

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
                self._watch = Watch(self._connection.client, self._connection.jobs, self._activity)
            return self._connection
