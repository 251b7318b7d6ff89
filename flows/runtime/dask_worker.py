"""What a run brings to each Dask worker: processes of one thread, in which its functions run."""

import asyncio
import contextlib
import importlib.metadata
import multiprocessing
import platform
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from distributed import Status, Worker, WorkerPlugin, get_worker

from al_core.errors import SiteError, WorkerError
from flows.runtime.processes import Processes

CORES = "cores"  # the resource that functions ask for: as many as the worker has threads
_LOOK_EVERY_S = 30.0  # whether the run is still there
_SIGNAL_S = 2.0  # until a worker that was told to end closes
_ENDING = (Status.closing_gracefully, Status.closing, Status.closed, Status.failed)
_COMPARED = ("graft-mlip", "torch", "numpy", "ase", "gpaw", "mace-torch")


def versions() -> dict[str, str]:
    """Return what must be the same everywhere, as labels and models depend on it: {package: version}."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _COMPARED}


class WorkerSetup(WorkerPlugin):
    """Gives a Dask worker its processes, after a look at its versions.

    They end with the run. Where its process was killed they end what they are at, a label that is paid for, and then.

    Args:
        name: of the run, which each has a set of processes for.
        wanted: the versions of the flow's process.
        client: Dask's id of the run's process.
    """

    idempotent = True

    def __init__(self, name: str, wanted: dict[str, str], client: str) -> None:
        self.name, self._wanted, self._client = name, wanted, client
        self._look_every_s = _LOOK_EVERY_S
        self.running = 0

    async def setup(self, worker: Worker) -> None:
        """Start.

        Raises:
            SiteError: the worker has other versions, or cannot start processes.
        """
        found, wanted = versions(), self._wanted
        if other := [f"{name} {found[name]}, not {wanted[name]}" for name in found if found[name] != wanted[name]]:
            raise SiteError(f"the worker {worker.name} at {worker.address} has {'; '.join(other)}")
        if multiprocessing.current_process().daemon:
            message = f"the worker {worker.name} has a nanny, and so cannot start processes; start it with --no-nanny"
            raise SiteError(message)
        self.processes = Processes(worker.state.nthreads)
        if CORES not in worker.state.total_resources:
            await worker.set_resources(**{CORES: worker.state.nthreads})
            worker.status = Status.paused  # the scheduler looks for waiting functions where a worker starts to run,
            worker.status = Status.running  # and has looked before it knew of the cores
        self._looking = asyncio.create_task(self._leave_with_run(worker))

    def teardown(self, worker: Worker) -> None:
        """End what still runs."""
        if looking := getattr(self, "_looking", None):
            worker.loop.add_callback(looking.cancel)  # not at once: it may be this that removes the plugin
        if hasattr(self, "processes"):  # it did not start otherwise
            self.processes.close()

    async def _leave_with_run(self, worker: Worker) -> None:
        while worker.status not in _ENDING:
            await asyncio.sleep(self._look_every_s)
            with contextlib.suppress(OSError):  # a scheduler that is gone ends its workers; so is being cancelled told
                events = await worker.scheduler.events(topic=self._client)
                is_gone = not events or events[-1][1]["action"] == "remove-client"
                if is_gone and not self.running:
                    await worker.plugin_remove(name=self.name)
                    return


def dask_setup(worker: Worker) -> None:
    """See to it that a queue's signal ends a worker (``dask worker --preload flows.runtime.dask_worker``)."""
    _ends.append(asyncio.create_task(_end(worker)))


_ends: list[asyncio.Task[None]] = []  # asyncio forgets a task that nobody keeps


async def _end(worker: Worker) -> None:
    try:
        await worker.finished()
    except asyncio.CancelledError:
        if worker.status in _ENDING:  # the signal came while it closed and cut that short,
            worker._event_finished.set()  # and Dask would wait for its end for ever
        raise


async def in_process(setup: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Run a function in one of the worker's processes.

    Raises:
        WorkerError: the process was killed, or the scheduler was.
    """
    plugin: Any = get_worker().plugins.get(setup)
    if plugin is None:
        raise WorkerError("the Dask scheduler was started anew and knows nothing of this run; the same command goes on")
    plugin.running += 1
    try:
        return await asyncio.wrap_future(plugin.processes.submit(function, *arguments))
    except BrokenProcessPool as error:
        await asyncio.sleep(_SIGNAL_S)  # a job whose processes were all told to end: another worker gets this
        message = f"a worker process was killed while it ran {function.__name__}; is memory short?"
        raise WorkerError(message) from error
    finally:
        plugin.running -= 1
