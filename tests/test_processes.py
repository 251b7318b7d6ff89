"""Worker processes end with the process they work for, whenever it ends."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKER = "import time; from al_core.processes import exit_with_parent as leash; leash({}); time.sleep(3)"


def ended() -> int:
    """Return the id of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize(("parent", "code"), [(os.getpid, 0), (ended, 1)])
def test_a_worker_whose_parent_died_while_it_started_ends(parent: Callable[[], int], code: int) -> None:
    command = [sys.executable, "-c", WORKER.format(parent())]
    assert subprocess.run(command, cwd=ROOT, timeout=30, check=False).returncode == code
