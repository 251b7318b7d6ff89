"""The label store under several processes: each label is computed once, also after a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_core.errors import StoreError
from al_core.labels.store import LabelStore
from al_core.types import Label

ROOT = Path(__file__).resolve().parents[3]
KEY = "Lkey"
LABEL = Label(-1.5, np.zeros((2, 3)), None, 2.0, {"by": "hand"})


@pytest.fixture
def store(any_store: LabelStore) -> LabelStore:
    """Every test of a store is one of both kinds."""
    return any_store


@contextmanager
def other_process(store: LabelStore, program: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that has ``store``, ``atoms`` and ``KEY``; it may print, and wait with ``input()``."""
    head = (
        "from pathlib import Path\n"
        "import os, signal, numpy as np\n"
        "from ase.build import bulk\n"
        "from al_core.labels.store import Attempt, LabelStore\n"
        "from al_core.types import Label\n"
        f"KEY, store, atoms = {KEY!r}, LabelStore({str(store.where)!r}), bulk('Ge', 'diamond', a=5.66)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", head + program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _claimed(store: LabelStore, atoms: Atoms) -> str:
    """Claim the label; a server needs a moment to see that a process is gone."""
    deadline = time.monotonic() + 10
    while (state := store.claim(KEY, atoms, "sw")[0]) == "busy" and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def test_the_reservation_of_a_killed_process_is_taken_over(store: LabelStore, atoms: Atoms) -> None:
    program = "assert store.claim(KEY, atoms, 'sw')[0] == 'yours'; os.kill(os.getpid(), signal.SIGKILL)"
    with other_process(store, program) as process:
        assert process.wait() == -signal.SIGKILL
    assert store.get(KEY).state == "running"
    assert _claimed(store, atoms) == "yours"
    store.complete(KEY, LABEL)
    (attempt,) = store.attempts(KEY)
    assert (attempt.cause, attempt.counts) == ("its process was killed, or could not write the result", False)
    assert (store.get(KEY).state, store.get(KEY).attempts) == ("done", 2)
    assert len(store.entries()) == 1


def test_the_reservation_of_a_killed_process_nobody_waited_for_is_taken_over(store: LabelStore, atoms: Atoms) -> None:
    with other_process(store, "store.claim(KEY, atoms, 'sw'); print('claimed', flush=True); input()") as process:
        assert process.stdout.readline() == "claimed\n"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
        assert _claimed(store, atoms) == "yours"


def test_the_reservation_of_a_living_process_is_respected(store: LabelStore, atoms: Atoms) -> None:
    program = (
        "store.claim(KEY, atoms, 'sw'); print('claimed', flush=True); input()\n"
        "store.complete(KEY, Label(-7.0, np.zeros((2, 3))))\n"
    )
    with other_process(store, program) as process:
        assert process.stdout.readline() == "claimed\n"
        assert store.claim(KEY, atoms, "sw")[0] == "busy"
        with pytest.raises(StoreError, match="not reserved by this process"):
            store.complete(KEY, LABEL)
        process.communicate("\n")
        assert process.returncode == 0
    state, entry = store.claim(KEY, atoms, "sw")
    assert (state, entry.label.energy) == ("done", -7.0)


def test_a_killed_process_is_recognised_whatever_the_machine_was_called(store: LabelStore, atoms: Atoms) -> None:
    """A container that is started again has another name, and often the same process ids."""
    program = (
        "import socket; socket.gethostname = lambda: 'a-name-of-before'\n"
        "store.claim(KEY, atoms, 'sw'); print('claimed', flush=True); input()"
    )
    with other_process(store, program) as process:
        assert process.stdout.readline() == "claimed\n"
        state, entry = store.claim(KEY, atoms, "sw")
        assert state == "busy"
        assert f"process {process.pid} on a-name-of-before, since 20" in entry.owner
        process.kill()
        assert _claimed(store, atoms) == "yours"


BATCH = """
import random, sys, time
from ase.build import bulk
from al_core.labels.obtaining import obtain_label
from al_core.storage.hashing import structure_id
from al_core.labels.store import Attempt, LabelStore
from al_core.types import Label
from pathlib import Path
import numpy as np, os

out = Path(sys.argv[1])

class Slow:
    name, by_physics, by_equivalents, rungs = "slow", True, True, 1
    def identity(self): return {"kind": "slow"}
    def check(self, atoms): pass
    def label(self, atoms, directory, rung):
        (out / f"computed-{structure_id(atoms)}-{os.getpid()}-{time.monotonic_ns()}").touch()
        end = time.monotonic() + 10  # else the first to start can be through before the others come
        while len({path.name.split("-")[2] for path in out.glob("computed-*")}) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return Label(atoms.get_volume(), np.zeros((len(atoms), 3)))

batch = [bulk("Ge", "diamond", a=5 + 0.1 * number) for number in range(8)]
random.Random(os.getpid()).shuffle(batch)
print("ready", flush=True)
input()
for atoms in batch:
    entry = obtain_label(LabelStore(sys.argv[2]), Slow(), atoms, out / "files").entry
    assert abs(entry.label.energy - atoms.get_volume()) < 1e-3, entry
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "server"])
def test_processes_that_label_one_batch_compute_each_label_once(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    where = tmp_path / "labels.db" if kind == "file" else request.getfixturevalue("postgres")
    command = [sys.executable, "-c", BATCH, str(tmp_path), str(where)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:  # all at once, the first use of the store included
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, errors
    computed = [path.name.split("-") for path in tmp_path.glob("computed-*")]
    assert len(computed) == 8
    assert len({name[1] for name in computed}) == 8
    assert len({name[2] for name in computed}) > 1, "one process did it all: nothing was tested"
    entries = LabelStore(where).entries()
    assert [(entry.state, entry.attempts) for entry in entries] == [("done", 1)] * 8
