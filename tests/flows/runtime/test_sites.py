"""A Dask cluster that is there: what runs on its workers, who may join, and what is refused."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from al_core.config.site import DaskSite
from al_core.errors import SiteError, WorkerError
from flows.runtime.certificates import write_certificates
from flows.runtime.runner import make_runner
from flows.runtime.sites import _as_site_error
from tests.flows.runtime import work
from tests.flows.runtime.clusters import Cluster, scheduler
from tests.flows.runtime.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with scheduler(folder) as found:
        yield found


def test_functions_run_on_all_workers_each_in_a_process_of_one_thread(cluster: Cluster, tmp_path: Path) -> None:
    workers = [cluster.worker(name) for name in ("one", "two")]
    with make_runner(cluster.site, tmp_path) as runner:
        futures = [runner.submit(work.report, str(number), tmp_path) for number in range(4)]
        wait_for(lambda: len(work.began(tmp_path)) == 2)
        (tmp_path / "go").touch()
        assert len({future.result(60) for future in futures}) == 2
        assert runner.submitted_at_once > runner.cores, "more workers may join"
        assert runner.submit(work.threads).result(60) == 1
        with pytest.raises(OSError, match="No space left on device: '/data/model'"):
            runner.submit(work.fill_the_disk).result(60)
    assert [worker.poll() for worker in workers] == [None, None], "the cluster stays"
    wait_for(lambda: not work.alive(tmp_path))


def test_what_a_lost_worker_was_at_is_done_by_another(cluster: Cluster, tmp_path: Path) -> None:
    lost = cluster.worker("lost")
    with make_runner(cluster.site, tmp_path) as runner:
        futures = [runner.submit(work.report, str(number), tmp_path) for number in range(3)]
        wait_for(lambda: work.began(tmp_path) == ["0"])
        (first,) = work.alive(tmp_path)
        lost.kill()
        cluster.worker("other")
        (tmp_path / "go").touch()
        assert first not in {future.result(60) for future in futures}


def test_a_scheduler_that_is_lost_is_told(cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker("one")
    with make_runner(cluster.site, tmp_path) as runner:
        future = runner.submit(work.report, "0", tmp_path)
        wait_for(lambda: work.began(tmp_path) == ["0"])
        cluster.programs[0].kill()
        with pytest.raises(WorkerError, match="connection to the Dask scheduler was lost while report ran; when it is"):
            future.result(60)
    wait_for(lambda: not work.alive(tmp_path), 60)


def test_a_scheduler_that_does_not_come_back_is_told(cluster: Cluster, tmp_path: Path) -> None:
    """Dask's client tries for a while, closes itself, and gives no reason to who waits."""
    cluster.worker("one")
    with make_runner(cluster.site, tmp_path) as runner:
        futures = [runner.submit(work.report, str(number), tmp_path) for number in range(2)]
        wait_for(lambda: work.began(tmp_path) == ["0"])
        client = runner._connected().client
        client.sync(client._close)
        for future in futures:
            with pytest.raises(WorkerError, match="connection to the Dask scheduler was lost while report ran"):
                future.result(60)
        (tmp_path / "go").touch()


_RUN = """
import sys, time
from pathlib import Path
import flows.runtime.dask_worker
from al_core.config.site import DaskSite
from flows.runtime.runner import make_runner
from tests.flows.runtime import work

flows.runtime.dask_worker._LOOK_EVERY_S = 0.5
folder = Path(sys.argv[2])
with make_runner(DaskSite.model_validate_json(sys.argv[1]), folder) as runner:
    runner.submit(work.threads).result()
    time.sleep(2)
    runner.submit(work.report, "0", folder).result()
"""


def test_a_run_that_is_killed_leaves_a_worker_when_what_it_was_at_is_done(cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker("one")
    command = [sys.executable, "-c", _RUN, cluster.site.model_dump_json(), str(tmp_path)]
    run = subprocess.Popen(command, cwd=ROOT)
    wait_for(lambda: work.began(tmp_path) == ["0"])
    (process,) = work.alive(tmp_path)
    run.kill()
    run.wait()
    time.sleep(2)
    assert work.alive(tmp_path) == [process], "what is paid for in part is finished"
    (tmp_path / "go").touch()
    wait_for(lambda: not work.alive(tmp_path))


def test_who_has_other_certificates_cannot_join(cluster: Cluster, tmp_path: Path) -> None:
    write_certificates(tmp_path / "others")
    stranger = cluster.worker("stranger", "--death-timeout", 3, certificates=tmp_path / "others")
    assert stranger.wait(60) != 0
    cluster.worker("known")
    with make_runner(cluster.site, tmp_path) as runner:
        assert runner.cores == 1
    site = DaskSite(address=cluster.address, certificates=tmp_path / "others")
    with pytest.raises(SiteError, match=r"no Dask scheduler answers at tls://127\.0\.0\.1:"):
        make_runner(site, tmp_path).submit(work.threads)


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
    begin = time.monotonic()
    with pytest.raises(SiteError, match=f"no Dask scheduler answers at {address}.*is it running"):
        make_runner(DaskSite(address=address), tmp_path).submit(work.threads)
    assert time.monotonic() - begin < 30


def test_a_cluster_without_workers_is_told(cluster: Cluster, tmp_path: Path) -> None:
    site = cluster.site.model_copy(update={"wait_minutes": 0.02})
    with pytest.raises(SiteError, match=r"has no worker after 0.02 minutes; start some"):
        make_runner(site, tmp_path).submit(work.threads)


def test_a_worker_of_another_version_is_named(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.runtime import dask_worker

    cluster.worker("old")
    there = dask_worker.versions()
    monkeypatch.setattr(dask_worker, "versions", lambda: {**there, "ase": "3.99"})
    with pytest.raises(SiteError, match=rf"the worker old at tls://\S+ has ase {there['ase']}, not 3.99"):
        make_runner(cluster.site, tmp_path).submit(work.threads)


def test_what_dask_refuses_of_a_queues_settings_is_one_message() -> None:
    with pytest.raises(SiteError, match="site slurm: 'ib0' is not a valid network interface"), _as_site_error("slurm"):
        raise RuntimeError("'ib0' is not a valid network interface")
