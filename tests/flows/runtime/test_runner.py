"""Every runner runs functions on a bounded number of cores; who waits gets them in turn, whether one or several."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from al_core.config.site import AnySite, InlineSite, LocalSite
from al_core.errors import WorkerError
from flows.runtime.dask_runner import DaskRunner
from flows.runtime.runner import make_runner
from tests.flows.runtime import work
from tests.flows.runtime.waiting import wait_for


@pytest.fixture
def two(tmp_path: Path) -> Iterator[DaskRunner]:
    with make_runner(LocalSite(workers=2), tmp_path) as runner:
        assert isinstance(runner, DaskRunner)
        yield runner


@pytest.mark.parametrize("site", [LocalSite(workers=1), InlineSite()])
def test_a_runner_returns_results_and_raises_errors(site: AnySite, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    with make_runner(site, tmp_path) as runner:
        done = runner.submit(work.report, "a", tmp_path)
        failed = runner.submit(work.fill_the_disk)
        assert (done.result(30) == os.getpid()) is (site.kind == "inline")
        with pytest.raises(OSError, match="No space left on device: '/data/model'"):
            failed.result(30)
    assert work.began(tmp_path) == ["a"]


@pytest.mark.slow
def test_as_many_run_at_once_as_there_are_cores(tmp_path: Path) -> None:
    """More than the 16 that an earlier version allowed."""
    with make_runner(LocalSite(workers=20), tmp_path) as runner:
        futures = [runner.submit(work.report, str(number), tmp_path) for number in range(22)]
        wait_for(lambda: len(work.began(tmp_path)) == 20)
        (tmp_path / "go").touch()
        assert len({future.result(30) for future in futures}) == 20


def test_a_large_function_is_not_overtaken_by_small_ones(two: DaskRunner, tmp_path: Path) -> None:
    small = two.submit(work.report, "small", tmp_path)
    wait_for(lambda: work.began(tmp_path) == ["small"])
    large = two.submit(work.report, "large", tmp_path, cores=2)
    late = two.submit(work.report, "small too", tmp_path)
    time.sleep(0.1)
    assert work.began(tmp_path) == ["small"], "a core is free, but the large one comes first"
    (tmp_path / "go").touch()
    for future in (small, large, late):
        future.result(30)
    assert work.began(tmp_path) == ["small", "large", "small too"]


def test_no_more_cores_are_taken_than_there_are(two: DaskRunner, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    assert two.submit(work.report, "huge", tmp_path, cores=64).result(30)


def test_who_gives_up_waiting_leaves_the_queue(two: DaskRunner, tmp_path: Path) -> None:
    running = two.submit(work.report, "running", tmp_path, cores=2)
    waiting = two.submit(work.report, "gave up", tmp_path)
    behind = two.submit(work.report, "behind", tmp_path)
    waiting.cancel()
    (tmp_path / "go").touch()
    assert running.result(30)
    assert behind.result(30)
    assert work.began(tmp_path) == ["running", "behind"]


def test_a_killed_worker_is_reported_and_replaced(two: DaskRunner, tmp_path: Path) -> None:
    failed = two.submit(work.crash, cores=2)
    (tmp_path / "go").touch()
    waiting = two.submit(work.report, "waiting", tmp_path)
    with pytest.raises(WorkerError, match="a worker process was killed while it ran crash") as killed:
        failed.result(30)
    assert killed.value.transient
    assert waiting.result(30), "what waited in the queue runs in new workers"


def test_a_worker_has_one_thread(two: DaskRunner) -> None:
    assert two.submit(work.threads).result(60) == 1


def test_a_process_that_has_grown_is_kept(tmp_path: Path) -> None:
    """It has imported torch, and the next one would have to."""
    with make_runner(LocalSite(workers=1), tmp_path) as runner:
        processes = set()
        for megabytes in (1, 400, 1):
            processes.add(runner.submit(work.grow, megabytes).result(60))
            time.sleep(1.1)  # so often loky looks
    assert len(processes) == 1


def test_an_error_ends_what_runs_and_what_waits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="diverged"), make_runner(LocalSite(workers=1), tmp_path) as runner:  # noqa: PT012
        running, waiting = (runner.submit(work.report, name, tmp_path) for name in ("running", "waiting"))
        wait_for(lambda: work.began(tmp_path) == ["running"])
        raise ValueError("diverged")
    for future in (running, waiting):
        with pytest.raises(CancelledError):
            future.result(5)
    assert not work.alive(tmp_path), "what ran is ended"
    with pytest.raises(RuntimeError, match="has stopped"):
        runner.submit(work.threads)


def test_two_runners_share_nothing(tmp_path: Path) -> None:
    with make_runner(LocalSite(workers=1), tmp_path) as one, make_runner(LocalSite(workers=1), tmp_path) as other:
        futures = [runner.submit(work.report, name, tmp_path) for runner, name in ((one, "one"), (other, "other"))]
        wait_for(lambda: set(work.began(tmp_path)) == {"one", "other"})
        (tmp_path / "go").touch()
        first, second = (future.result(30) for future in futures)
    assert first != second


def test_importing_starts_nothing_and_asks_for_no_prefect() -> None:
    import subprocess
    import sys

    program = (
        "import sys, threading, flows.work, flows.runtime.runner\n"
        "print(*({'prefect', 'torch'} & set(sys.modules)), threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]
