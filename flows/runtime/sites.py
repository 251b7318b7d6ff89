"""The Dask clusters of the sites: one in this process, one that is there, or one of a queue's jobs."""

import contextlib
import logging
import shutil
import signal
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_core.config.site import DaskSite, Jobs, QueueSite
from al_core.errors import SiteError
from flows.runtime.certificates import security_of, write_certificates
from flows.runtime.dask_runner import Connection

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_S = 10
# Dask opens a port for its web pages in any case: here it is not reached from elsewhere, and has none
_LOOPBACK = "127.0.0.1:0"
_NO_PAGES: dict[str, Any] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
_NO_PAGES_THERE = "export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES='[]'"
_EXPECTED = {"label": "5m", "reference": "30m"}  # until some are finished: how many jobs there is work for
_IDLE_LOOKS = 150  # of two seconds, before a job that has nothing to do is ended
_ACCOUNT = {"slurm": "account", "pbs": "account", "lsf": "project", "sge": "project"}


def start_local(cores: int) -> Connection:
    """Start a scheduler and a worker in this process, which talk without a network."""
    _silence()
    import dask
    from distributed import Client, LocalCluster

    # a machine that slept has not lost its worker
    with dask.config.set({**_NO_PAGES, "distributed.scheduler.worker-ttl": None}):
        cluster = LocalCluster(
            processes=False,
            n_workers=1,
            threads_per_worker=cores,
            memory_limit=0,
            dashboard_address=_LOOPBACK,
            worker_dashboard_address=_LOOPBACK,
            silence_logs=logging.CRITICAL,
        )
    client = Client(cluster)
    return Connection(client, _bring_setup(client), cores, cores, cluster.close)


def join(site: DaskSite) -> Connection:
    """Connect to a cluster that is there.

    Raises:
        SiteError: its scheduler does not answer, has no worker in time, or a worker that cannot be used.
    """
    _silence()
    from distributed import Client

    security = None if site.certificates is None else security_of(site.certificates)
    try:
        client = Client(site.address, security=security, timeout=_CONNECT_S)
    except OSError as error:
        raise SiteError(f"no Dask scheduler answers at {site.address}: {error}; is it running?") from error
    try:
        threads = _wait_for_workers(client, site.wait_minutes, f"the scheduler at {site.address}")
        setup = _bring_setup(client)
    except OSError as error:
        client.close()
        raise SiteError(f"the Dask scheduler at {site.address} was lost: {error}; is it running?") from error
    except BaseException:
        client.close()
        raise
    return Connection(client, setup, sum(threads), max(threads), lambda: None)


def start_queue(site: QueueSite, jobs: Jobs, folder: Path) -> Connection:
    """Start a scheduler in this process, and jobs of a queue as there is work for them.

    Args:
        site: the queue.
        jobs: what they are like.
        folder: of the jobs' output, and of the certificates that only they can read; all machines see it.

    Raises:
        SiteError: dask-jobqueue is not installed, or the queue refuses the job.
    """
    _silence()
    import dask
    from distributed import Client

    cluster_of = queue_clusters()[site.kind]
    certificates = folder / "certificates"
    shutil.rmtree(certificates, ignore_errors=True)  # of a run that was killed
    write_certificates(certificates)
    seconds = sum(unit * int(part) for unit, part in zip((3600, 60, 1), jobs.walltime.split(":"), strict=True))
    lifetime, stagger = int(seconds - min(300, 0.2 * seconds)), int(min(120, 0.05 * seconds))
    limits = ["--lifetime", f"{lifetime}s", "--lifetime-stagger", f"{stagger}s"]
    with (
        dask.config.set({**_NO_PAGES, "distributed.scheduler.default-task-durations": _EXPECTED}),
        _as_site_error(site.kind),
    ):
        cluster = cluster_of(
            queue=jobs.queue,
            **{_ACCOUNT[site.kind]: jobs.account},
            cores=jobs.cores,
            processes=1,
            nanny=False,
            memory=jobs.memory,
            walltime=jobs.walltime,
            job_script_prologue=[_NO_PAGES_THERE, *jobs.prologue],
            job_extra_directives=[*jobs.extra],
            worker_extra_args=[*limits, "--no-dashboard", "--preload", "flows.runtime.dask_worker"],
            log_directory=str(folder),
            interface=site.interface,
            security=security_of(certificates),
            scheduler_options={"dashboard_address": _LOOPBACK},
            silence_logs=logging.CRITICAL,
        )

    async def begin() -> None:
        cluster.scale(jobs=1)
        await cluster._correct_state()  # raises if the job is refused, of which adapt() says nothing

    try:
        cluster.sync(begin)
    except (OSError, RuntimeError) as error:
        cluster._created.clear()  # a job that never was cannot end, but Dask would wait for that
        cluster.close()
        raise SiteError(_refused(site.kind, str(error))) from error
    cluster.adapt(minimum_jobs=jobs.jobs[0], maximum_jobs=jobs.jobs[1], interval="2s", wait_count=_IDLE_LOOKS)
    client = Client(cluster)

    def numbers() -> dict[str, str]:
        return {str(name): str(job.job_id) for name, job in dict(cluster.workers).items()}

    def close() -> None:
        cluster.close()
        shutil.rmtree(certificates, ignore_errors=True)

    return Connection(client, _bring_setup(client), jobs.jobs[1] * jobs.cores, jobs.cores, close, numbers)


def _silence() -> None:
    """Keep Dask's own log off the terminal; it reads this when it is imported. What goes wrong is an error here."""
    import dask

    dask.config.set({"logging": {"distributed": "critical", "distributed.client": "critical"}})


@contextlib.contextmanager
def _as_site_error(kind: str) -> Iterator[None]:
    """Turn what Dask refuses, such as a network interface that is not there, into one message."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise SiteError(f"site {kind}: {error}; change the site's keys, such as interface") from error


def queue_clusters() -> dict[str, Callable[..., Any]]:
    """Return the class of each queue's clusters. To be called in the main thread the first time.

    Raises:
        SiteError: dask-jobqueue is not installed.
    """
    _silence()
    interrupted = signal.getsignal(signal.SIGINT)
    try:
        import dask_jobqueue
    except ModuleNotFoundError as error:
        raise SiteError("queues need dask-jobqueue: pip install 'graft-mlip[queues]'") from error
    if signal.getsignal(signal.SIGINT) is not interrupted:
        signal.signal(signal.SIGINT, interrupted)  # it takes Ctrl-C for itself when it is imported
    of_kind = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
    return {kind: getattr(dask_jobqueue, name) for kind, name in of_kind.items()}


def _refused(kind: str, printed: str) -> str:
    """Return why a queue did not take a job, in one line: what its command printed last."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    said = lines[lines.index("stderr:") + 1 :] if "stderr:" in lines else lines
    return f"{kind} takes no job: {' '.join(said)}; correct the site"


def _wait_for_workers(client: "Client", minutes: float, whose: str) -> list[int]:
    """Return the threads of each worker, once there are some."""
    try:
        client.wait_for_workers(1, timeout=60 * minutes)
    except TimeoutError as error:
        raise SiteError(f"{whose} has no worker after {minutes:g} minutes; start some") from error
    return [worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]


def _bring_setup(client: "Client") -> str:
    """Give every worker, also those that come later, what a run needs there; return its name."""
    from flows.runtime.dask_worker import WorkerSetup, versions

    name = f"graft-{socket.gethostname()}-{uuid.uuid4().hex}"
    try:
        client.register_plugin(WorkerSetup(name, versions(), client.id))
    except ModuleNotFoundError as error:
        raise SiteError(f"a Dask worker lacks Graft: {error}; install it there") from error
    return name
