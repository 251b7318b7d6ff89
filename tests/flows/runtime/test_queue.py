"""Jobs of a queue: a real Slurm of one node, where its packages are installed."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from al_core.config.site import Jobs, PBSSite, SlurmSite
from al_core.errors import SiteError
from flows.runtime.activity import read_activity
from flows.runtime.runner import ACTIVITY, make_runner
from tests.flows.runtime import work
from tests.flows.runtime.slurm import slurm, why_not
from tests.flows.runtime.waiting import wait_for

JOBS = Jobs(cores=1, memory="1GB", walltime="00:30:00", jobs=(0, 1))
ROOT = Path(__file__).resolve().parents[3]
SITE = SlurmSite(dft=JOBS, interface="lo")


def _jobs() -> list[str]:
    """Return the numbers of the jobs in the queue."""
    return subprocess.run(
        ["squeue", "--noheader", "--format=%i", "--states=PENDING,RUNNING"], capture_output=True, text=True, check=True
    ).stdout.split()


def _programs(folder: Path) -> list[str]:
    """Return the processes of Dask workers that were started for a run in a folder."""
    found = subprocess.run(["pgrep", "-f", f"dask_worker .*{folder}"], capture_output=True, text=True, check=False)
    return found.stdout.split()


def _at_work(folder: Path) -> list[tuple[str, tuple[str, ...], dict[str, int]]]:
    """Return of each job what it is at, and what waits: as the run wrote it down last, which is a moment ago."""
    found = [one for one in read_activity(folder / ACTIVITY) if one.waiting]
    return [(worker.job, worker.does, dict(one.waiting)) for one in found for worker in one.workers]


@pytest.fixture
def _queue(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if reason := why_not():
        pytest.skip(reason)
    with slurm(tmp_path_factory.mktemp("slurm")) as conf:
        monkeypatch.setenv("SLURM_CONF", str(conf))
        yield
        wait_for(lambda: not _programs(tmp_path), 60)


@pytest.mark.slow
@pytest.mark.usefixtures("_queue")
def test_labels_run_in_jobs_and_what_a_lost_job_was_at_in_another(tmp_path: Path) -> None:
    with make_runner(SITE, tmp_path) as runner:
        here = runner.submit(work.threads)
        futures = [runner.submit(work.report, str(number), tmp_path, dft=True) for number in range(2)]
        assert here.result(60) == 1
        wait_for(lambda: work.began(tmp_path) == ["0"], 60)
        (first,), (job,) = work.alive(tmp_path), _jobs()
        wait_for(lambda: _at_work(tmp_path) == [(job, ("report",), {"report": 1})])
        subprocess.run(["scancel", job], check=True)
        wait_for(lambda: not work.alive(tmp_path), 60)
        (tmp_path / "go").touch()
        assert first not in {future.result(120) for future in futures}
    wait_for(lambda: not _jobs())
    assert not (tmp_path / "jobs" / "dft" / "certificates").exists()
    assert list((tmp_path / "jobs" / "dft").glob("*.err")), "what a job printed stays"


@pytest.mark.slow
@pytest.mark.usefixtures("_queue")
def test_what_a_job_was_at_when_its_walltime_ended_is_done_by_the_next(tmp_path: Path) -> None:
    site = SlurmSite(dft=JOBS.model_copy(update={"walltime": "00:01:00"}), interface="lo")
    with make_runner(site, tmp_path) as runner:
        future = runner.submit(work.report, "0", tmp_path, dft=True)
        wait_for(lambda: bool(work.began(tmp_path)), 60)
        (first,), before = work.alive(tmp_path), _jobs()
        wait_for(lambda: work.alive(tmp_path) not in ([], [first]), 120)
        assert _jobs() != before
        (tmp_path / "go").touch()
        assert future.result(60) != first


@pytest.mark.slow
@pytest.mark.usefixtures("_queue")
def test_a_job_without_work_ends_and_the_next_label_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.runtime.sites._IDLE_LOOKS", 2)
    (tmp_path / "go").touch()
    with make_runner(SITE, tmp_path) as runner:
        first = runner.submit(work.report, "0", tmp_path, dft=True).result(60)
        (job,) = _jobs()
        wait_for(lambda: not _jobs(), 60)
        assert runner.submit(work.report, "1", tmp_path, dft=True).result(60) != first
        assert job not in _jobs()


_RUN = """
import sys
from pathlib import Path
from flows.runtime.runner import make_runner
from tests.flows.runtime import work
from tests.flows.runtime.test_queue import SITE

folder = Path(sys.argv[1])
with make_runner(SITE, folder) as runner:
    runner.submit(work.report, "0", folder, dft=True).result()
"""


@pytest.mark.slow
@pytest.mark.usefixtures("_queue")
def test_the_jobs_of_a_killed_run_end(tmp_path: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", _RUN, str(tmp_path)], cwd=ROOT)
    wait_for(lambda: bool(work.began(tmp_path)), 60)
    run.kill()
    run.wait()
    wait_for(lambda: not _jobs() and not work.alive(tmp_path), 120)


@pytest.mark.slow
@pytest.mark.usefixtures("_queue")
def test_a_job_that_the_queue_refuses_is_told(tmp_path: Path) -> None:
    site = SlurmSite(dft=JOBS.model_copy(update={"queue": "nope"}), interface="lo")
    begin = time.monotonic()
    with pytest.raises(SiteError, match=r"slurm takes no job: .*invalid partition specified: nope"):
        make_runner(site, tmp_path).submit(work.threads, dft=True)
    assert time.monotonic() - begin < 30


def test_a_machine_without_the_queue_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SiteError, match=r"pbs takes no job: .*No such file or directory: 'qsub'"):
        make_runner(PBSSite(dft=JOBS, interface="lo"), tmp_path).submit(work.threads, dft=True)
