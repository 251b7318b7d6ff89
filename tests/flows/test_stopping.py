"""A command that is told to stop ends within seconds, whatever it waits for; what a full disk does is one line."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

import flows.cli
from al_core.config.labelers import StillingerWeberLabeler
from al_core.errors import BundleError, ConfigError, GraftError, StoreError, TrainingError
from al_core.labels.store import LabelStore
from al_core.storage.hashing import label_key, structure_id
from al_core.structures.datasets import read_structures
from calculators.base import make_labeler

ROOT = Path(__file__).resolve().parents[2]
LABEL = [sys.executable, "-m", "flows.cli", "label", "ge.xyz", "--labeler", "stillinger_weber", "--out", "out"]


def _environment(folder: Path) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    return env | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore"}


def _has_worker(process: int) -> bool:
    """Return whether a child of the process is one of its workers."""
    threads = Path(f"/proc/{process}/task").iterdir()
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    return any(b"LokyProcess" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children)


def _started(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command that heeds Ctrl-C, also where a shell in the background has it ignored by all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_waits_for_anothers_label_stops_when_told_to(how: signal.Signals, tmp_path: Path) -> None:
    write(tmp_path / "ge.xyz", bulk("Ge", "diamond", a=5.7, cubic=True))
    (atoms,) = read_structures(tmp_path / "ge.xyz")
    labeler = make_labeler(StillingerWeberLabeler())
    (tmp_path / "out").mkdir()
    store = LabelStore(tmp_path / "out" / "labels.db")
    state, _ = store.claim(label_key(structure_id(atoms), labeler.identity()), atoms, labeler.name)
    assert state == "yours", "and is not computed while the command waits"
    process = _started(LABEL, tmp_path, _environment(tmp_path))
    try:
        deadline = time.monotonic() + 200
        while not _has_worker(process.pid):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(3)  # its worker has started and waits
        process.send_signal(how)
        _, errors = process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors.endswith("stopped; the same command goes on from here\n")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO])
def test_what_a_disk_refuses_is_one_line(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        raise OSError(code, os.strerror(code), "runs/mine/models/x")

    monkeypatch.setattr(flows.cli, "app", app)
    with pytest.raises(SystemExit) as stopped:
        flows.cli.main()
    assert stopped.value.code == 1
    expected = f"failed: runs/mine/models/x: {os.strerror(code)}; change this and run the same command again\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("error", "in_run", "code", "word"),
    [
        (StoreError("disk is full"), True, 1, "failed"),
        (StoreError("of another version"), False, 2, "error"),
        (BundleError("corrupt"), True, 1, "failed"),
        (BundleError("corrupt"), False, 2, "error"),
        (ConfigError("another config"), True, 2, "error"),
        (TrainingError("diverged"), True, 1, "failed"),
    ],
)
def test_bad_input_ends_with_2_and_what_fails_in_a_run_with_1(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: GraftError,
    in_run: bool,
    code: int,
    word: str,
) -> None:
    def app() -> None:
        error.in_run = in_run
        raise error

    monkeypatch.setattr(flows.cli, "app", app)
    with pytest.raises(SystemExit) as stopped:
        flows.cli.main()
    assert stopped.value.code == code
    assert capsys.readouterr().err == f"{word}: {error}\n"


@pytest.mark.slow
def test_a_store_that_fails_in_a_run_ends_with_1(tmp_path: Path) -> None:
    write(tmp_path / "ge.xyz", bulk("Ge", "diamond", a=5.7, cubic=True))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "labels.db.claims").touch()  # where the store needs a folder: no label can be reserved
    done = subprocess.run(LABEL, cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"failed: label store {tmp_path / 'out' / 'labels.db'}: ")
    (tmp_path / "out" / "labels.db.claims").unlink()
    (tmp_path / "out" / "labels.db").write_text("no data base")
    done = subprocess.run(LABEL, cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: label store ")


def test_another_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def app() -> None:
        raise OSError(errno.ECHILD, "no child")

    monkeypatch.setattr(flows.cli, "app", app)
    with pytest.raises(OSError, match="no child"):
        flows.cli.main()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            "Timed out while attempting to connect to ephemeral Prefect API server.",
            "failed: Prefect's temporary server did not start in 7 s; run the same",
        ),
        ("Failed to reach API at http://127.0.0.1:8826/api/", "failed: Prefect's server ended as the command began;"),
    ],
    ids=["does not start", "ends at once"],
)
def test_a_server_that_is_not_there_is_one_line(
    raised: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        raise RuntimeError(raised)

    monkeypatch.setattr(flows.cli, "app", app)
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "7")
    with pytest.raises(SystemExit) as stopped:
        flows.cli.main()
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith(told)
