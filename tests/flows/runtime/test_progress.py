"""Progress across processes and on the screen."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from al_core.storage import progress
from al_core.storage.progress import step_writer, steps_done, steps_file
from flows.runtime.progress import Counters

CONFIGS = Path(__file__).parents[3] / "configs"


def test_jobs_are_counted_together(tmp_path: Path) -> None:
    files = [steps_file(tmp_path, number) for number in range(3)]
    assert steps_done(files) == 0
    for done in range(1, 11):
        step_writer(files[0])(done, 10)
    step_writer(files[2])(4, 10)
    assert steps_done(files) == 14
    assert sorted(tmp_path.iterdir()) == [files[0], files[2]], "the others have not started"


def test_steps_are_not_written_more_often_than_anyone_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    file = steps_file(tmp_path, 0)
    write = step_writer(file)
    seen = []
    for done in range(1, 31):
        write(done, 30)
        seen.append(steps_done([file]))
        now += 0.125
    assert seen[:10] == [1] * 8 + [9] * 2
    assert seen[-1] == 30, "the last step is always shown"


def test_a_counter_follows_work_elsewhere(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("flows.runtime.progress._LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("flows.runtime.progress._LINE_EVERY_S", 0.0)
    done = 0
    with Counters() as steps, steps.following("training steps", 40, lambda: done):
        for done in (10, 30, 20):  # a job that is tried again begins anew
            deadline = time.monotonic() + 10
            while f"training steps: {done} of 40\n" not in (printed := capsys.readouterr().err):
                assert time.monotonic() < deadline, printed
                time.sleep(0.01)
        done = 40
    assert capsys.readouterr().err == "training steps: 40 of 40\n", "what was done last is shown, once"


def test_a_failure_ends_the_following(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("flows.runtime.progress._LOOK_EVERY_S", 0.01)
    asked = []
    steps = Counters()
    with pytest.raises(ValueError, match="diverged"), steps.following("training steps", 5, lambda: len(asked)):
        raise ValueError("diverged")
    asked.append(1)
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("pause_s", [1.0, 200.0])
def test_the_bar_tells_the_time_left(monkeypatch: pytest.MonkeyPatch, pause_s: float) -> None:
    """Also where one step takes minutes, as a DFT label can."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    steps = Counters()
    assert steps._bars is not None
    now = 0.0
    monkeypatch.setattr(steps._bars, "get_time", lambda: now)
    steps.expect("labels", 10)
    for _ in range(4):
        now += pause_s
        steps.done("labels")
    bar = steps._bars.tasks[0]
    assert (bar.completed, bar.total) == (4, 10)
    assert bar.time_remaining == pytest.approx(6 * pause_s, rel=0.01)


@pytest.mark.slow
def test_a_study_that_is_told_to_stop_stops_at_once(tmp_path: Path) -> None:
    """Prefect alone would wait for the training that runs, which can take an hour."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "flows.cli", "study", "run", str(CONFIGS / "smoke.yaml"), "--out", str(out)]
    command += ["--set", "source.training.steps=100000"]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "GRAFT_TEST": str(tmp_path)}
    log = tmp_path / "log"  # a pipe would stay open as long as a child holds it
    with log.open("w") as stream:
        study = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=stream)
    try:
        deadline = time.monotonic() + 240
        while not list(out.glob("source/*/.steps-*")) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert list(out.glob("source/*/.steps-*")), "the training never began"
        study.terminate()
        study.wait(timeout=20)
    finally:
        study.kill()
    assert study.returncode == 130
    assert "stopped; the same command goes on from here" in log.read_text()
    assert "resource_tracker" not in log.read_text()
    time.sleep(3)  # workers look once a second whether the one they work for is still there
    assert not _processes_of(tmp_path), "processes were left behind"


def _processes_of(folder: Path) -> list[str]:
    """Return the command lines of processes that were started with this folder in their environment."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"GRAFT_TEST={folder}".encode() in (process / "environ").read_bytes():
                left.append((process / "cmdline").read_text().replace("\0", " "))
    return left
