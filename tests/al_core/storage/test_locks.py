"""The lock of a folder: one command at a time, its holder is named, a killed one leaves nothing behind."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from al_core.errors import ConfigError
from al_core.storage.locks import FOLDER_LOCK, folder_lock

ROOT = Path(__file__).resolve().parents[3]


def _hold_in_another_process(folder: Path) -> "subprocess.Popen[str]":
    program = (
        "from pathlib import Path\nfrom al_core.storage.locks import folder_lock\n"
        f"with folder_lock(Path({str(folder)!r}), 'pretraining'):\n    print('held', flush=True)\n    input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "pretrain", "x y.yaml"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_held_folder_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    process = _hold_in_another_process(tmp_path)
    try:
        with pytest.raises(ConfigError) as caught, folder_lock(tmp_path, "a study"):
            pass
    finally:
        process.communicate("\n")
    message = str(caught.value)
    assert message.startswith(f"pretraining is running in {tmp_path} (")
    assert "-c pretrain 'x y.yaml'" in message
    assert f"process {process.pid} on {socket.gethostname()}, since 20" in message
    assert message.endswith("wait for its end or choose another --out")


def test_a_folder_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    process = _hold_in_another_process(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with folder_lock(tmp_path, "a study"):
        assert f'"pid": {os.getpid()}' in (tmp_path / FOLDER_LOCK).read_text()


def test_a_folder_is_free_after_an_error_in_its_block(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), folder_lock(tmp_path / "new", "a study"):
        raise ZeroDivisionError
    with folder_lock(tmp_path / "new", "a study"):
        pass


def test_a_second_command_of_this_process_is_refused_too(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path, "a study"),
        pytest.raises(ConfigError, match="a study is running"),
        folder_lock(tmp_path, "labelling"),
    ):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(handle: object, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ConfigError) as caught, folder_lock(tmp_path, "a study"):
        pass
    message = str(caught.value)
    assert f"the file system has no file locks here ({os.strerror(number)})" in message
    assert message.endswith("choose another --out, on a local disk")
