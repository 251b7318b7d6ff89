"""Worker processes end with the process they work for, whenever it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GUARDS = ("al_core.storage.processes import exit_with_parent", "flows.runtime.processes import _start")


def ended() -> int:
    """Return the id of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize(("parent", "code"), [(os.getpid, 0), (ended, 1)])
def test_a_worker_whose_parent_died_while_it_started_ends(guard: str, parent: Callable[[], int], code: int) -> None:
    program = f"import time; from {guard} as guard; guard({parent()}); time.sleep(3)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == code


def test_what_a_launcher_started_ends_with_it() -> None:
    command = [sys.executable, "-m", "calculators._parent_guard", str(ended()), "sleep", "60"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    assert process.wait(timeout=30) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "code"), [(os.getpid, 0), (os.getppid, 0), (ended, 1)], ids=["its", "not its", "gone"]
)
def test_prefects_temporary_server_ends_with_its_study(owner: Callable[[], int], code: int) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    environment |= {"PREFECT__SERVER_EPHEMERAL": "1", "GRAFT_PROCESS": str(owner())}
    command = [sys.executable, "-c", "import prefect, time; time.sleep(3)"]  # Prefect calls the plugin on import
    assert subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=False).returncode == code
