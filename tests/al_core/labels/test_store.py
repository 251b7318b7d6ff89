"""The label store: reserved before computed, computed once, also by several processes and after a kill."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.db import connect

from al_core.errors import StoreError
from al_core.labels.store import Attempt, Entry, LabelStore
from al_core.storage.hashing import structure_id
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


# ---- one process -----------------------------------------------------------------------------------------------------


def test_an_unknown_label_is_reserved_for_who_asks_first(store: LabelStore, atoms: Atoms) -> None:
    assert store.get(KEY) is None
    assert store.claim(KEY, atoms, "sw")[0] == "yours"
    state, entry = store.claim(KEY, atoms, "sw")
    assert state == "busy"
    assert (entry.state, entry.structure, entry.labeler, entry.attempts) == ("running", structure_id(atoms), "sw", 1)
    assert entry.label is None


def test_a_finished_label_is_found_bit_for_bit(store: LabelStore, atoms: Atoms) -> None:
    rng = np.random.default_rng(0)
    label = Label(rng.normal() * 1e3, rng.normal(size=(2, 3)), rng.normal(size=6), 1 / 3, {"a": [1, {"b": None}]})
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, label)
    state, entry = LabelStore(store.where).claim(KEY, atoms, "sw")
    assert state == "done"
    assert entry.label.energy == label.energy
    np.testing.assert_array_equal(entry.label.forces, label.forces)
    np.testing.assert_array_equal(entry.label.stress, label.stress)
    assert (entry.label.core_seconds, entry.label.provenance) == (label.core_seconds, label.provenance)
    assert structure_id(entry.atoms) == structure_id(atoms)


def test_a_label_without_stress_comes_back_without_stress(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    assert store.get(KEY).label.stress is None


def test_the_labels_are_an_ordinary_ase_data_base(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    with connect(store.where) as db:
        row = db.get(state="done", labeler="sw")
    assert row.energy == LABEL.energy
    assert row.toatoms().get_potential_energy() == LABEL.energy


def _attempt(cause: str, *, transient: bool = True, files: str = "", rung: int = 0) -> Attempt:
    return Attempt(rung, cause, transient, True, 12.5, files)


def test_every_failed_attempt_is_a_row(store: LabelStore, atoms: Atoms) -> None:
    attempts = [
        _attempt("killed", files="labels/x"),
        _attempt("no convergence", transient=False, files="labels/x/attempt-2", rung=1),
    ]
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, attempts[0])
    assert store.claim(KEY, atoms, "sw", next_rung=lambda failed, before: 1)[0] == "yours"
    store.fail(KEY, attempts[1])
    assert LabelStore(store.where).attempts(KEY) == attempts
    assert (store.get(KEY).rung, store.get(KEY).attempts, store.get(KEY).core_seconds) == (1, 2, 25.0)
    assert [entry.key for entry in store.entries()] == [KEY], "attempts are not labels"
    with connect(store.where) as db:
        rows = list(db.select(attempt_of=KEY))
    assert [(row.data["cause"], row.core_seconds) for row in rows] == [("killed", 12.5), ("no convergence", 12.5)]
    assert all(structure_id(row.toatoms()) == structure_id(atoms) for row in rows)


def test_a_failure_is_kept_with_cause_cost_and_files(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, _attempt("no convergence", transient=False, files="labels/x"))
    state, entry = store.claim(KEY, atoms, "sw")
    assert state == "failed"
    assert (entry.cause, entry.core_seconds, entry.transient, entry.label) == ("no convergence", 12.5, False, None)
    with connect(store.where) as db:
        assert db.get(label_key=KEY).data["files"] == "labels/x"


def test_the_cost_of_failures_stays_counted(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, _attempt("killed"))
    assert store.claim(KEY, atoms, "sw", next_rung=lambda failed, before: 0)[0] == "yours"
    store.complete(KEY, LABEL)
    entry = store.get(KEY)
    assert (entry.attempts, entry.core_seconds, entry.label.core_seconds) == (2, 14.5, 2.0)


def test_only_a_failed_label_is_tried_again(store: LabelStore, atoms: Atoms) -> None:
    def asked(failed: Entry, before: list[Attempt]) -> int:
        raise AssertionError("this label has not failed")

    assert store.claim(KEY, atoms, "sw", next_rung=asked)[0] == "yours"
    assert store.claim(KEY, atoms, "sw", next_rung=asked)[0] == "busy"
    store.complete(KEY, LABEL)
    assert store.claim(KEY, atoms, "sw", next_rung=asked)[0] == "done"


def test_a_failure_is_tried_again_in_the_transaction_that_finds_it(store: LabelStore, atoms: Atoms) -> None:
    """Two that find one failed label: the first computes it, the second waits."""
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, _attempt("killed"))
    seen: list[list[Attempt]] = []

    def again(failed: Entry, before: list[Attempt]) -> int:
        seen.append(before)
        return failed.rung

    state, entry = store.claim(KEY, atoms, "sw", next_rung=again)
    assert (state, entry.state, entry.cause, seen) == ("yours", "running", "killed", [[_attempt("killed")]])
    assert LabelStore(store.where).claim(KEY, atoms, "sw", next_rung=again)[0] == "busy"


def test_only_a_reserved_label_is_finished(store: LabelStore, atoms: Atoms) -> None:
    with pytest.raises(StoreError, match="not reserved by this process"):
        store.complete(KEY, LABEL)
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    with pytest.raises(StoreError, match="not reserved by this process"):
        store.fail(KEY, _attempt("too late"))
    assert store.get(KEY).state == "done"


def test_entries_come_oldest_first(store: LabelStore, atoms: Atoms) -> None:
    for key in ("Lb", "La", "Lc"):
        store.claim(key, atoms, "sw")
    store.complete("Lb", LABEL)
    assert [entry.key for entry in store.entries()] == ["Lb", "La", "Lc"]


# ---- equivalent structures -------------------------------------------------------------------------------------------

LEVEL = "L{}-level"


def turned(atoms: Atoms) -> Atoms:
    """The structure twice, turned by 90° and moved."""
    copy = atoms.repeat((2, 1, 1))
    copy.rotate(90, "z", rotate_cell=True)
    copy.positions += 0.3
    return copy


def rattled() -> Atoms:
    atoms = bulk("Ge", "diamond", a=5.66)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_the_label_of_an_equivalent_structure_serves(store: LabelStore) -> None:
    forces = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])
    label = Label(-1.5, forces, np.array([1.0, 2.0, 3.0, 0.0, 0.0, 0.5]) * 1e-3, 2.0, {"by": "hand"})
    store.claim(LEVEL.format(1), rattled(), "sw", images=True)
    store.complete(LEVEL.format(1), label)
    state, entry = store.claim(LEVEL.format(2), turned(rattled()), "sw", images=True)
    assert (state, entry.core_seconds, entry.label.core_seconds) == ("done", 0.0, 0.0)
    assert entry.label.energy == pytest.approx(-3.0)
    np.testing.assert_allclose(entry.label.forces[:2], [[-0.2, 0.1, 0.3], [0.2, -0.1, -0.3]], atol=1e-9)
    np.testing.assert_allclose(entry.label.stress, np.array([2.0, 1.0, 3.0, 0.0, 0.0, -0.5]) * 1e-3, atol=1e-12)
    assert entry.label.provenance == {"by": "hand", "equivalent_to": LEVEL.format(1)}
    assert store.get(LEVEL.format(2)).label.energy == entry.label.energy


def test_an_equivalent_structure_is_waited_for(store: LabelStore) -> None:
    store.claim(LEVEL.format(1), rattled(), "sw", images=True)
    assert store.claim(LEVEL.format(2), turned(rattled()), "sw", images=True)[0] == "busy"
    assert store.get(LEVEL.format(2)) is None
    store.fail(LEVEL.format(1), _attempt("no convergence", transient=False))
    assert store.claim(LEVEL.format(2), turned(rattled()), "sw", images=True)[0] == "yours"


def test_a_label_that_does_not_carry_over_is_computed(store: LabelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding: two matches of one pair, at the edge of the tolerance, may come to different ends."""
    store.claim(LEVEL.format(1), rattled(), "sw", images=True)
    store.complete(LEVEL.format(1), LABEL)
    monkeypatch.setattr("al_core.labels.store.carried_over", lambda label, known, atoms: None)
    assert store.claim(LEVEL.format(2), turned(rattled()), "sw", images=True)[0] == "yours"


@pytest.mark.parametrize(
    ("key", "change", "images"),
    [("L2-level", 1e-2, True), ("L2-other", 0.0, True), ("L2-level", 0.0, False)],
    ids=["another structure", "another level of theory", "labels that are looked up"],
)
def test_no_other_label_serves(store: LabelStore, key: str, change: float, images: bool) -> None:
    store.claim("L1-level", rattled(), "sw", images=True)
    store.complete("L1-level", LABEL)
    atoms = turned(rattled())
    atoms.positions[0, 0] += change
    assert store.claim(key, atoms, "sw", images=images)[0] == "yours"


# ---- several processes -----------------------------------------------------------------------------------------------


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


def _own(store: LabelStore, owner: object) -> None:
    """Let the label be owned by somebody else, as an earlier version wrote it."""
    with connect(store.where, use_lock_file=False) as db:
        db.update(db.get(label_key=KEY).id, data={"owner": owner})


def test_in_a_store_of_before_a_living_owner_is_respected(tmp_path: Path, atoms: Atoms) -> None:
    store = LabelStore(tmp_path / "labels.db")
    store.claim(KEY, atoms, "sw")
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    for owner, state in (
        (f"{socket.gethostname()}|{os.getpid()}|{start}", "busy"),
        (f"a-name-of-before|{os.getpid()}|{start}", "busy"),
        ("elsewhere|1|1", "busy"),  # perhaps of another machine
        (f"{socket.gethostname()}|{os.getpid()}|1", "yours"),  # another process had this number
    ):
        _own(store, owner)
        assert store.claim(KEY, atoms, "sw")[0] == state, owner


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


# ---- freeing by hand -------------------------------------------------------------------------------------------------


def test_a_reservation_is_released_by_hand(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    ((entry, held),) = store.reservations()
    assert (entry.key, held) == (KEY, True)
    assert f"process {os.getpid()} on {socket.gethostname()}" in entry.owner
    other = LabelStore(store.where)
    other.release(KEY)
    assert (other.get(KEY).state, other.get(KEY).transient, other.reservations()) == ("failed", True, [])
    assert [(one.cause, one.counts) for one in other.attempts(KEY)] == [("its reservation was released", False)]
    assert other.claim(KEY, atoms, "sw", next_rung=lambda failed, before: failed.rung)[0] == "yours"
    with pytest.raises(StoreError, match="not reserved by this process"):
        store.complete(KEY, LABEL)


def test_only_a_running_label_is_released(store: LabelStore, atoms: Atoms) -> None:
    with pytest.raises(StoreError, match="is not running"):
        store.release(KEY)
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    with pytest.raises(StoreError, match="is not running"):
        store.release(KEY)
    assert store.get(KEY).state == "done"


def test_a_released_claim_leaves_no_file_behind(tmp_path: Path, atoms: Atoms) -> None:
    store = LabelStore(tmp_path / "labels.db")
    store.claim(KEY, atoms, "sw")
    assert len(list((tmp_path / "labels.db.claims").iterdir())) == 1
    store.complete(KEY, LABEL)
    assert list((tmp_path / "labels.db.claims").iterdir()) == []


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
    name, by_physics, rungs = "slow", True, 1
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


# ---- the file --------------------------------------------------------------------------------------------------------


def test_a_store_of_another_version_is_refused(store: LabelStore) -> None:
    with connect(store.where) as db:
        db.metadata = {"graft_store_version": 0}
    with pytest.raises(StoreError, match="has version 0, this Graft reads version 1"):
        LabelStore(store.where)


def test_a_data_base_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"another program \(tables: recipes\)"):
        LabelStore(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_ase_data_base_that_is_not_a_label_store_is_refused(tmp_path: Path, atoms: Atoms) -> None:
    with connect(tmp_path / "labels.db", type="db") as db:
        db.write(atoms)
    with pytest.raises(StoreError, match="not a label store of Graft"):
        LabelStore(tmp_path / "labels.db")


@pytest.mark.parametrize("content", [b"my notes " * 100, b"SQLite format 3\0" + b"\xff" * 200])
def test_a_file_that_is_no_data_base_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"labels\.db: .*choose another --out"):
        LabelStore(tmp_path / "labels.db")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="give a folder on a local disk with --out"):
        LabelStore(tmp_path / "file" / "labels.db")


@pytest.mark.parametrize("tables", range(1, 6))
def test_a_kill_in_the_first_use_leaves_no_half_made_store(tmp_path: Path, atoms: Atoms, tables: int) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import ase.db.sqlite\n"
        "from al_core.labels.store import Attempt, LabelStore\n"
        "done = int(sys.argv[2])\n"
        "class Statements(list):\n"
        "    def __iter__(self):\n"
        "        for number, statement in enumerate(list.__iter__(self)):\n"
        "            if number == done:\n"
        "                os.kill(os.getpid(), signal.SIGKILL)\n"
        "            yield statement\n"
        "ase.db.sqlite.init_statements = Statements(ase.db.sqlite.init_statements)\n"
        "LabelStore(Path(sys.argv[1]))\n"
    )
    path = tmp_path / "labels.db"
    done = subprocess.run([sys.executable, "-c", program, str(path), str(tables)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    store = LabelStore(path)
    assert store.claim(KEY, atoms, "sw")[0] == "yours"


def test_an_empty_file_becomes_a_store(tmp_path: Path, atoms: Atoms) -> None:
    (tmp_path / "labels.db").touch()
    assert LabelStore(tmp_path / "labels.db").claim(KEY, atoms, "sw")[0] == "yours"
    assert LabelStore(tmp_path / "labels.db").get(KEY).state == "running"
