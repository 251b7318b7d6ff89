"""The store in a file: what the disk, the file system and other programs do to it is one clear error."""

import errno
import fcntl
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.db import connect
from ase.db.sqlite import SQLite3Database

from al_core.errors import StoreError
from al_core.labels.store import LabelStore
from al_core.types import Label

ROOT = Path(__file__).resolve().parents[4]
KEY = "Lkey"
LABEL = Label(-1.5, np.zeros((2, 3)), None, 2.0, {"by": "hand"})


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let SQLite find no space for another page from the call on."""
    plain = SQLite3Database._connect

    def connected(self: SQLite3Database) -> sqlite3.Connection:
        connection = plain(self)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the pages that there are
        return connection

    return lambda: monkeypatch.setattr(SQLite3Database, "_connect", connected)


def test_a_full_disk_is_one_line_and_nothing_is_half_written(
    store: LabelStore, atoms: Atoms, full_disk: Callable[[], None]
) -> None:
    store.claim(KEY, atoms, "sw")
    full_disk()
    large = Label(-1.5, np.zeros((2, 3)), None, 2.0, {"by": "x" * 100_000})
    with pytest.raises(StoreError) as caught:
        store.complete(KEY, large)
    assert str(caught.value) == (
        f"label store {store}: database or disk is full; free some space; the same command goes on from here"
    )
    assert not caught.value.transient
    assert (store.get(KEY).state, store.get(KEY).label) == ("running", None)


def test_no_space_for_a_claim_reserves_nothing(
    store: LabelStore, atoms: Atoms, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = os.open

    def full(path: object, flags: int, *others: int) -> int:
        if "labels.db.claims" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(path, flags, *others)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        with pytest.raises(StoreError, match="No space left on device; free some space"):
            store.claim(KEY, atoms, "sw")
    assert store.get(KEY) is None
    assert store.claim(KEY, atoms, "sw")[0] == "yours"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(file: object, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError) as caught:
        LabelStore(tmp_path / "labels.db")
    message = str(caught.value)
    assert f"the file system has no file locks here ({os.strerror(number)})" in message
    assert message.endswith(
        "give a folder on a local disk with --out, or a server with store: postgresql://user@host/name"
    )


def test_a_store_locked_by_another_program_says_so(store: LabelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SQLite3Database, "_connect", lambda self: sqlite3.connect(self.filename, timeout=0))
    other = sqlite3.connect(store.where)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(
            StoreError, match="database is locked; another program has it open, or the file system"
        ) as refused:
            store.get(KEY)
    finally:
        other.close()
    assert refused.value.transient, "the other program may be done when it is tried again"


@pytest.mark.parametrize(("code", "transient"), [(errno.ESTALE, True), (errno.ENOSPC, False)])
def test_a_file_system_that_hesitates_may_be_asked_again(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch, code: int, transient: bool
) -> None:
    def refuse(file: object, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError) as caught:
        store.get(KEY)
    assert caught.value.transient is transient


def test_a_damaged_store_is_refused_in_one_line(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    path = Path(store.where)
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(StoreError, match=r"labels\.db: .*malformed; choose another --out"):
        LabelStore(path).get(KEY)


# ---- indexes ---------------------------------------------------------------------------------------------------------


def _indexes(path: Path | str) -> set[str]:
    db = sqlite3.connect(path)
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    db.close()
    return {name for name in names if name.startswith("graft_")}


def _without_indexes(path: Path | str) -> None:
    """Make a store what an earlier version wrote."""
    db = sqlite3.connect(path)
    for name in _indexes(path):
        db.execute(f"DROP INDEX {name}")
    db.commit()
    db.close()


def test_a_store_of_before_gets_its_indexes_when_it_is_opened(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    known = _indexes(store.where)
    _without_indexes(store.where)
    assert LabelStore(store.where).get(KEY).label.energy == LABEL.energy
    assert _indexes(store.where) == known != set()


def test_the_data_base_itself_refuses_a_label_twice(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    with (
        pytest.raises(sqlite3.IntegrityError, match="UNIQUE"),
        connect(store.where, use_lock_file=False) as db,
    ):
        db.write(atoms, label_key=KEY, state="running")


def test_a_store_of_before_with_a_label_twice_is_refused(store: LabelStore, atoms: Atoms) -> None:
    _without_indexes(store.where)
    with connect(store.where, use_lock_file=False) as db:
        for _ in range(2):
            db.write(atoms, label_key=KEY, state="failed")
    with pytest.raises(StoreError, match=f"label {KEY} stands more than once"):
        LabelStore(store.where)


def test_no_look_up_reads_the_whole_store(store: LabelStore) -> None:
    """The plans of the queries, so that this does not hang on a clock."""
    db = sqlite3.connect(store.where)
    statements: list[str] = []
    db.set_trace_callback(statements.append)

    class Opened:
        connection = db

    between = {"atom_volume": (1.0, 2.0), "packing": (1.0, 2.0)}
    for equal, ranges in (
        ({"label_key": KEY}, {}),
        ({"attempt_of": KEY}, {}),
        ({"level": "T", "composition": "Ge1"}, between),
    ):
        store._database.ids(Opened(), equal, ranges)
    plans = [row[3] for one in statements for row in db.execute(f"EXPLAIN QUERY PLAN {one}")]
    db.close()
    assert sum("USING INDEX graft_" in plan or "USING COVERING INDEX graft_" in plan for plan in plans) == 3
    assert not any(plan.startswith("SCAN") for plan in plans)


def test_a_store_that_may_only_be_read_is_read(atoms: Atoms) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.db"
        store = LabelStore(path)
        store.claim(KEY, atoms, "sw")
        store.complete(KEY, LABEL)
        _without_indexes(path)
        (Path(folder) / "labels.db.lock").unlink()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        process = multiprocessing.get_context("fork").Process(target=_read_as_another_user, args=(path,))
        process.start()
        process.join(timeout=60)
        Path(folder).chmod(0o755)
    assert process.exitcode == 0


def _read_as_another_user(path: Path) -> None:
    if os.geteuid() == 0:  # who may write everywhere
        os.setuid(65534)
    store = LabelStore(path)
    assert store.get(KEY).label.energy == LABEL.energy
    assert _indexes(path) == set()
    with pytest.raises(StoreError, match=r"Permission denied|readonly database"):
        store.claim("Lother", store.get(KEY).atoms, "sw")


# ---- claims ---------------------------------------------------------------------------------------------------------


def test_a_released_claim_leaves_no_file_behind(tmp_path: Path, atoms: Atoms) -> None:
    store = LabelStore(tmp_path / "labels.db")
    store.claim(KEY, atoms, "sw")
    assert len(list((tmp_path / "labels.db.claims").iterdir())) == 1
    store.complete(KEY, LABEL)
    assert list((tmp_path / "labels.db.claims").iterdir()) == []


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


# ---- files that are no stores, and kills ----------------------------------------------------------------------------


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
