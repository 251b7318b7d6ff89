"""The label store: an ASE data base in which a label is reserved before it is computed and never paid for twice.

Rows are ordinary ASE rows (``ase db labels.db`` shows them). A row is ``running``, ``done`` or ``failed``. ``running``
rows name their owner (host, process, start of the process), so that a row left behind by a killed process is taken
over by the next one that asks for it, and a row of a living process is waited for. Every attempt that failed keeps a
row of its own, with its cause, cost and files.

Every access happens under an advisory lock on a file beside the data base. The kernel drops such a lock when its
process dies, so that no stale lock can be left behind.
"""

import contextlib
import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect

from al_core.errors import StoreError
from al_core.files import atomic_path
from al_core.hashing import structure_id
from al_core.types import Label

VERSION = 1
_OWN_STATES = ("running", "done", "failed")


@dataclass(frozen=True)
class Entry:
    """One row of the store: a finished, failed or running label of one structure.

    Attributes:
        way: which of the labeler's ways to compute it was tried last.
    """

    key: str
    structure: str
    labeler: str
    state: str
    attempts: int
    way: int
    core_seconds: float
    cause: str
    transient: bool
    label: Label | None
    atoms: Atoms


@dataclass(frozen=True)
class Attempt:
    """An attempt at a label that failed.

    Attributes:
        way: of the labeler's ways to compute a label.
        cause: in one line.
        transient: whether the same may succeed when it is tried again.
        counts: False where it says nothing of the structure: the study was killed or interrupted, the disk was full.
        core_seconds: what it cost.
        files: the folder of its output.
    """

    way: int
    cause: str
    transient: bool
    counts: bool
    core_seconds: float
    files: str


def _process_start(pid: int) -> str:
    """Return a mark of when a process started (so that a reused pid is not taken for it), or '' if there is none."""
    try:
        # field 22 of /proc/PID/stat; the command in parentheses may hold spaces. A zombie's work is over.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _me() -> str:
    return f"{socket.gethostname()}|{os.getpid()}|{_process_start(os.getpid())}"


def _is_alive(owner: str) -> bool:
    host, pid, start = owner.split("|")
    if host != socket.gethostname():
        return True  # another machine's process cannot be looked at: its reservation is respected
    return _process_start(int(pid)) == start != ""


class LabelStore:
    """Labels by key in one SQLite file, safe under several processes.

    Args:
        path: the data base file; made on first use.

    Raises:
        StoreError: the file is not a label store, or of another version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if _is_empty(self.path):
                self._create()
            self._refuse_foreign_file()
            with self._open() as db:
                version = db.metadata.get("graft_store_version")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"label store {self.path}: {error}; give another place with --out") from error
        if version is None:
            raise StoreError(f"{self.path} is an ASE data base, but not a label store of Graft; choose another --out")
        if version != VERSION:
            raise StoreError(
                f"label store {self.path} has version {version}, this Graft reads version {VERSION}; "
                "choose another --out, or use the Graft that wrote it"
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(f"{self.path}.lock", "w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        with self._locked(), _connect(self.path) as db:
            yield db

    def _create(self) -> None:
        """Make the file, complete or not at all: ASE makes its tables one by one, and a kill may come between them."""
        with self._locked():
            if _is_empty(self.path):  # else another process was faster
                with atomic_path(self.path) as temporary, _connect(temporary) as db:
                    db.metadata = {"graft_store_version": VERSION}

    def _refuse_foreign_file(self) -> None:
        """Raise if there are tables of another program, which ASE would put its own beside."""
        with contextlib.closing(sqlite3.connect(self.path)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "systems" not in tables:
            raise StoreError(
                f"{self.path} is a data base of another program (tables: {', '.join(sorted(tables))}); "
                "choose another --out"
            )

    def get(self, key: str) -> Entry | None:
        """Return the entry of a label key, or None if it was never asked for."""
        with self._open() as db:
            row = self._row(db, key)
            return None if row is None else _entry(row)

    def entries(self) -> list[Entry]:
        """Return all entries, oldest first."""
        with self._open() as db:
            return [_entry(row) for row in db.select("label_key", sort="id")]

    def attempts(self, key: str) -> list[Attempt]:
        """Return the attempts at a label that failed, oldest first."""
        with self._open() as db:
            return [_attempt(row) for row in db.select(attempt_of=key, sort="id")]

    def claim(self, key: str, atoms: Atoms, labeler: str) -> tuple[str, Entry]:
        """Reserve a label before it is computed.

        Returns:
            ``("yours", entry)``: the caller must now compute it and call :meth:`complete` or :meth:`fail`;
            ``("busy", entry)``: a living process is at it;
            ``("done", entry)`` or ``("failed", entry)``: it was computed before.
        """
        with self._open() as db:
            row = self._row(db, key)
            if row is None:
                db.write(
                    atoms,
                    label_key=key,
                    structure=f"S{structure_id(atoms)}",
                    labeler=labeler,
                    state="running",
                    attempts=1,
                    way=0,
                    core_seconds=0.0,
                    data={"owner": _me()},
                )
                return "yours", _entry(self._row(db, key))
            if row.state == "running":
                if _is_alive(row.data["owner"]):
                    return "busy", _entry(row)
                gone = Attempt(row.get("way", 0), "the process that computed it was killed", True, False, 0.0, "")
                _keep(db, row, gone)
                db.update(row.id, attempts=row.attempts + 1, data={"owner": _me()})
                return "yours", _entry(self._row(db, key))
            return row.state, _entry(row)

    def reopen(self, key: str, way: int = 0) -> None:
        """Make a failed label running again, owned by this process; what its failure cost stays counted."""
        with self._open() as db:
            row = self._row(db, key)
            if row is None or row.state != "failed":
                raise StoreError(f"label {key} has not failed")
            db.update(row.id, state="running", attempts=row.attempts + 1, way=way, data={"owner": _me()})

    def complete(self, key: str, label: Label) -> None:
        """Turn a reservation of this process into a finished label."""
        with self._open() as db:
            row = self._mine(db, key)
            atoms = row.toatoms()
            atoms.calc = SinglePointCalculator(atoms, energy=label.energy, forces=label.forces, stress=label.stress)
            data = {"provenance": label.provenance, "label_core_seconds": label.core_seconds}
            db.update(row.id, atoms=atoms, state="done", core_seconds=row.core_seconds + label.core_seconds, data=data)

    def fail(self, key: str, attempt: Attempt) -> None:
        """Turn a reservation of this process into a failure row, and keep the attempt as a row of its own."""
        with self._open() as db:
            row = self._mine(db, key)
            _keep(db, row, attempt)
            db.update(
                row.id,
                state="failed",
                attempts=row.attempts if attempt.counts else row.attempts - 1,
                way=attempt.way,
                core_seconds=row.core_seconds + attempt.core_seconds,
                data={"cause": attempt.cause, "transient": attempt.transient, "files": attempt.files},
            )

    @staticmethod
    def _row(db: Any, key: str) -> Any:
        rows = list(db.select(label_key=key))
        if len(rows) > 1:
            raise StoreError(f"label {key} stands {len(rows)} times in the store")
        return rows[0] if rows else None

    def _mine(self, db: Any, key: str) -> Any:
        row = self._row(db, key)
        if row is None or row.state != "running" or row.data["owner"] != _me():
            raise StoreError(f"label {key} in {self.path} is not reserved by this process")
        return row


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


def _connect(path: Path) -> Any:
    return connect(str(path), type="db", use_lock_file=False)


def _keep(db: Any, row: Any, attempt: Attempt) -> None:
    """Write an attempt at a label as a row of its own."""
    db.write(
        row.toatoms(),
        attempt_of=row.label_key,
        structure=row.structure,
        labeler=row.labeler,
        state="attempt",
        way=attempt.way,
        core_seconds=attempt.core_seconds,
        data={name: getattr(attempt, name) for name in ("cause", "transient", "counts", "files")},
    )


def _attempt(row: Any) -> Attempt:
    return Attempt(way=int(row.way), core_seconds=float(row.core_seconds), **row.data)


def _entry(row: Any) -> Entry:
    if row.state not in _OWN_STATES:
        raise StoreError(f"row {row.id} has the unknown state {row.state!r}")
    label = None
    if row.state == "done":
        label = Label(
            energy=float(row.energy),
            forces=np.array(row.forces),
            stress=np.array(row.stress) if "stress" in row else None,
            core_seconds=float(row.data["label_core_seconds"]),
            provenance=dict(row.data["provenance"]),
        )
    return Entry(
        key=row.label_key,
        structure=row.structure[1:],
        labeler=row.labeler,
        state=row.state,
        attempts=int(row.attempts),
        way=int(row.get("way", 0)),
        core_seconds=float(row.core_seconds),
        cause=row.data.get("cause", ""),
        transient=row.data.get("transient", False),
        label=label,
        atoms=row.toatoms(),
    )
