"""The label store: an ASE data base in which a label is reserved before it is computed and never paid for twice.

Rows are ordinary ASE rows (``ase db labels.db`` shows them). A row is ``running``, ``done`` or ``failed``. ``running``
rows name their owner, so that a row left behind by a killed process is taken over by the next one that asks for it, and
a row of a living process is waited for. Every attempt that failed keeps a row of its own, with its cause, cost and
files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from al_core.errors import StoreError
from al_core.labels.databases import database
from al_core.storage.hashing import level_of, structure_id
from al_core.structures.equivalence import are_equivalent, carried_over, mark
from al_core.types import Label

VERSION = 1
_OWN_STATES = ("running", "done", "failed")


@dataclass(frozen=True)
class Entry:
    """One row of the store: a finished, failed or running label of one structure.

    Attributes:
        rung: which of the labeler's rungs was tried last; the column is called ``way``.
    """

    key: str
    structure: str
    labeler: str
    state: str
    attempts: int
    rung: int
    core_seconds: float
    cause: str
    transient: bool
    label: Label | None
    atoms: Atoms

    @property
    def level(self) -> str:
        """The level of theory: what all labels of the same settings and versions share."""
        return level_of(self.key)


@dataclass(frozen=True)
class Attempt:
    """An attempt at a label that failed.

    Attributes:
        rung: of the labeler's ladder.
        cause: in one line.
        transient: whether the same may succeed when it is tried again.
        counts: False where it says nothing of the structure: the study was killed or interrupted, the disk was full.
        core_seconds: what it cost.
        files: the folder of its output.
        final: whether no other rung can help.
    """

    rung: int
    cause: str
    transient: bool
    counts: bool
    core_seconds: float
    files: str
    final: bool = False


class LabelStore:
    """Labels by key in one data base, safe under several processes.

    Args:
        where: a SQLite file, or the URL of a data base on a PostgreSQL server (``postgresql://user@host/name``), for
            the processes of several machines; made on first use.

    Raises:
        StoreError: it is not a label store, or of another version, or cannot be used.
    """

    def __init__(self, where: Path | str) -> None:
        self.where = where
        self._database = database(where)
        self._database.make({"graft_store_version": VERSION})
        with self._database.open() as db:
            version = db.metadata.get("graft_store_version")
        if version is None:
            raise StoreError(f"{self} is an ASE data base, but not a label store of Graft; {self._database.mend}")
        if version != VERSION:
            raise StoreError(
                f"label store {self} has version {version}, this Graft reads version {VERSION}; "
                f"{self._database.mend}, or use the Graft that wrote it"
            )

    def __str__(self) -> str:
        return str(self._database)

    def get(self, key: str) -> Entry | None:
        """Return the entry of a label key, or None if it was never asked for."""
        with self._database.open() as db:
            row = self._row(db, key)
            return None if row is None else _entry(row)

    def entries(self) -> list[Entry]:
        """Return all entries, oldest first."""
        with self._database.open() as db:
            return [_entry(row) for row in db.select("label_key", sort="id")]

    def attempts(self, key: str) -> list[Attempt]:
        """Return the attempts at a label that failed, oldest first."""
        with self._database.open() as db:
            return [_attempt(row) for row in db.select(attempt_of=key, sort="id")]

    def claim(self, key: str, atoms: Atoms, labeler: str, *, images: bool = False) -> tuple[str, Entry]:
        """Reserve a label before it is computed.

        Args:
            key, atoms, labeler: of the label.
            images: whether the label of an equivalent structure serves; see :mod:`al_core.structures.equivalence`.

        Returns:
            ``("yours", entry)``: the caller must now compute it and call :meth:`complete` or :meth:`fail`;
            ``("busy", entry)``: a living process is at it, or at that of an equivalent structure;
            ``("done", entry)`` or ``("failed", entry)``: it was computed before.
        """
        with self._database.open() as db:
            row = self._row(db, key)
            if row is None:
                return self._first(db, key, atoms, labeler, images)
            if row.state == "running":
                if self._database.is_alive(row.data["owner"]):
                    return "busy", _entry(row)
                gone = Attempt(row.get("way", 0), "the process that computed it was killed", True, False, 0.0, "")
                _keep(db, row, gone)
                db.update(row.id, attempts=row.attempts + 1, data={"owner": self._database.me()})
                return "yours", _entry(self._row(db, key))
            return row.state, _entry(row)

    def reopen(self, key: str, rung: int = 0) -> None:
        """Make a failed label running again, owned by this process; what its failure cost stays counted."""
        with self._database.open() as db:
            row = self._row(db, key)
            if row is None or row.state != "failed":
                raise StoreError(f"label {key} has not failed")
            db.update(row.id, state="running", attempts=row.attempts + 1, way=rung, data={"owner": self._database.me()})

    def complete(self, key: str, label: Label) -> None:
        """Turn a reservation of this process into a finished label."""
        with self._database.open() as db:
            row = self._mine(db, key)
            atoms = _with(row.toatoms(), label)
            data = {"provenance": label.provenance, "label_core_seconds": label.core_seconds}
            db.update(row.id, atoms=atoms, state="done", core_seconds=row.core_seconds + label.core_seconds, data=data)

    def fail(self, key: str, attempt: Attempt) -> None:
        """Turn a reservation of this process into a failure row, and keep the attempt as a row of its own."""
        with self._database.open() as db:
            row = self._mine(db, key)
            _keep(db, row, attempt)
            db.update(
                row.id,
                state="failed",
                attempts=row.attempts if attempt.counts else row.attempts - 1,
                way=attempt.rung,
                core_seconds=row.core_seconds + attempt.core_seconds,
                data={"cause": attempt.cause, "transient": attempt.transient, "files": attempt.files},
            )

    def _first(self, db: Any, key: str, atoms: Atoms, labeler: str, images: bool) -> tuple[str, Entry]:
        """Reserve a label that was never asked for, or take that of an equivalent structure."""
        columns: dict[str, Any] = {"label_key": key, "structure": f"S{structure_id(atoms)}", "labeler": labeler}
        level = columns["level"] = level_of(key)
        marked, twin = mark(atoms), None
        if marked:
            columns |= marked.columns()
            twin = self._equivalent(db, [f"level={level}", *marked.around()], atoms) if images else None
        if twin and twin.label:
            label = carried_over(twin.label, twin.atoms, atoms)
            assert label is not None  # they are equivalent
            data = {"provenance": {**label.provenance, "equivalent_to": twin.key}, "label_core_seconds": 0.0}
            columns |= {"state": "done", "attempts": 0, "way": twin.rung, "core_seconds": 0.0}
            db.write(_with(atoms, label), **columns, data=data)
            return "done", _entry(self._row(db, key))
        if twin:
            return "busy", twin
        columns |= {"state": "running", "attempts": 1, "way": 0, "core_seconds": 0.0}
        db.write(atoms, **columns, data={"owner": self._database.me()})
        return "yours", _entry(self._row(db, key))

    def _equivalent(self, db: Any, conditions: list[str], atoms: Atoms) -> Entry | None:
        """Return the entry of an equivalent structure that has a label or is about to get one."""
        for row in db.select(",".join(conditions)):
            if row.state == "failed" or (row.state == "running" and not self._database.is_alive(row.data["owner"])):
                continue
            if are_equivalent(row.toatoms(), atoms):
                return _entry(row)
        return None

    @staticmethod
    def _row(db: Any, key: str) -> Any:
        rows = list(db.select(label_key=key))
        if len(rows) > 1:
            raise StoreError(f"label {key} stands {len(rows)} times in the store")
        return rows[0] if rows else None

    def _mine(self, db: Any, key: str) -> Any:
        row = self._row(db, key)
        if row is None or row.state != "running" or row.data["owner"] != self._database.me():
            raise StoreError(f"label {key} in {self} is not reserved by this process")
        return row


def _with(atoms: Atoms, label: Label) -> Atoms:
    """Return a structure that carries its label."""
    labelled: Atoms = atoms.copy()
    labelled.calc = SinglePointCalculator(labelled, energy=label.energy, forces=label.forces, stress=label.stress)
    return labelled


def _keep(db: Any, row: Any, attempt: Attempt) -> None:
    """Write an attempt at a label as a row of its own."""
    db.write(
        row.toatoms(),
        attempt_of=row.label_key,
        structure=row.structure,
        labeler=row.labeler,
        state="attempt",
        way=attempt.rung,
        core_seconds=attempt.core_seconds,
        data={name: getattr(attempt, name) for name in ("cause", "transient", "counts", "files", "final")},
    )


def _attempt(row: Any) -> Attempt:
    return Attempt(rung=int(row.way), core_seconds=float(row.core_seconds), **row.data)


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
        rung=int(row.get("way", 0)),
        core_seconds=float(row.core_seconds),
        cause=row.data.get("cause", ""),
        transient=row.data.get("transient", False),
        label=label,
        atoms=row.toatoms(),
    )
