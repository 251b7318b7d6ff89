"""The label store: an ASE data base in which a label is reserved before it is computed and never paid for twice.

Rows are ordinary ASE rows (``ase db labels.db`` shows them). A row is ``running``, ``done`` or ``failed``. A
``running`` row names the claim of who computes it. A row whose claim is no longer held, because its process was killed
or could not write, is taken over by the next one that asks for it. Every attempt that failed has a row of its own,
with its cause, cost and files.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from al_core.errors import StoreError
from al_core.labels.databases import database
from al_core.labels.databases.base import Claim
from al_core.labels.rows import RELEASED, Attempt, Entry, attempt_of, entry_of, with_label, write_attempt, write_failure
from al_core.storage.hashing import level_of, structure_id
from al_core.structures.checks import bare
from al_core.structures.equivalence import Mark, are_equivalent, carried_over, mark, may_be_equivalent, packings
from al_core.types import Label

__all__ = ["Attempt", "Entry", "LabelStore", "NextRung"]

VERSION = 1
_PAGE = 500  # entries that are read at once
_packings_of: dict[tuple[str, int], np.ndarray] = {}  # of rows that this process has seen, by store and row,
_MOST_PACKINGS = 100_000  # and forgotten when there are so many

NextRung = Callable[[Entry, list[Attempt]], int | None]
"""Of a failed label and the attempts at it: the rung to try next, or None if the failure is final."""


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
        self._claims: dict[str, Claim] = {}  # of the labels this object has reserved, by key
        self._database.make({"graft_store_version": VERSION})
        with self._database.open() as db:
            version = db.metadata.get("graft_store_version")
            if version is None:
                raise StoreError(f"{self} is an ASE data base, but not a label store of Graft; {self._database.hint}")
            if version != VERSION:
                raise StoreError(
                    f"label store {self} has version {version}, this Graft reads version {VERSION}; "
                    f"{self._database.hint}, or use the Graft that wrote it"
                )
            self._database.add_indexes(db)

    def __str__(self) -> str:
        return str(self._database)

    def get(self, key: str) -> Entry | None:
        """Return the entry of a label key, or None if it was never asked for."""
        with self._database.open() as db:
            row = self._row(db, key)
            return None if row is None else entry_of(row)

    def entries(self, keys: Collection[str] | None = None) -> list[Entry]:
        """Return the entries of some keys, in their order and as far as they are there; or all, oldest first."""
        if keys is None:
            return list(self.each())
        with self._database.open() as db:
            rows = [self._row(db, key) for key in keys]
            return [entry_of(row) for row in rows if row is not None]

    def each(self) -> Iterator[Entry]:
        """Yield all entries, oldest first. Others may use the store meanwhile."""
        last = 0
        while True:
            with self._database.open() as db:
                page = self._database.page(db, last, _PAGE)
                found = [entry_of(db.get(id=number)) for number in page]
            if not found:
                return
            yield from found
            last = page[-1]

    def levels(self) -> list[tuple[Entry, int, float]]:
        """Return of each level of theory the first finished label, their number, and the core-seconds they cost."""
        with self._database.open() as db:
            found = self._database.levels(db)
            return [(entry_of(db.get(id=first)), number, spent) for _, number, spent, first in found]

    def count(self) -> int:
        """Return the number of finished labels."""
        with self._database.open() as db:
            return int(db.count("label_key", state="done"))

    def attempts(self, key: str) -> list[Attempt]:
        """Return the attempts at a label that failed, oldest first."""
        with self._database.open() as db:
            return self._attempts(db, key)

    def claim(
        self,
        key: str,
        atoms: Atoms,
        labeler: str,
        *,
        use_equivalent: bool = False,
        next_rung: NextRung | None = None,
    ) -> tuple[str, Entry]:
        """Reserve a label before it is computed; looking it up and reserving it are one transaction.

        Args:
            key, atoms, labeler: of the label.
            use_equivalent: whether the label of an equivalent structure serves; see
                :mod:`al_core.structures.equivalence`.
            next_rung: decides whether a failed label is tried again; none is if not given.

        Returns:
            ``("yours", entry)``: the caller must now compute it on ``entry.rung`` and call :meth:`complete` or
            :meth:`fail`; ``entry.cause`` is why it failed before, if it did;
            ``("busy", entry)``: it is being computed, or that of an equivalent structure;
            ``("done", entry)`` or ``("failed", entry)``: it was computed before.
        """
        before = self._claims.get(key)
        try:
            with self._database.open() as db:
                row = self._row(db, key)
                if row is None:
                    return self._first(db, key, bare(atoms), labeler, use_equivalent)
                return self._again(db, row, next_rung)
        except BaseException:
            if self._claims.get(key) is not before:
                self._free(key)
            raise

    def complete(self, key: str, label: Label) -> Entry:
        """Turn a reservation of this object into a finished label, and return its entry.

        A label that another process took over meanwhile, for it could not know that this one lived, or that was
        released by hand, is finished all the same: it is paid. Where the other one was first, its label stands.
        """
        with self._database.open() as db:
            row, _ = self._reserved_row(db, key)
            spent = row.core_seconds + label.core_seconds
            if row.state == "done":
                db.update(row.id, core_seconds=spent)
            else:
                atoms = with_label(row.toatoms(), label)
                data = {"provenance": label.provenance, "label_core_seconds": label.core_seconds}
                db.update(row.id, atoms=atoms, state="done", core_seconds=spent, data=data)
            entry = entry_of(db.get(id=row.id))
        self._free(key)
        return entry

    def fail(self, key: str, attempt: Attempt) -> None:
        """Turn a reservation of this object into a failure, and write the attempt as a row of its own.

        The label is no longer reserved, even where this cannot be written. One that another process took over, or
        that was released, stays as it is.
        """
        try:
            with self._database.open() as db:
                row, is_mine = self._reserved_row(db, key)
                if is_mine:
                    write_failure(db, row, attempt)
                else:
                    write_attempt(db, row, attempt)
                    db.update(row.id, core_seconds=row.core_seconds + attempt.core_seconds)
        finally:
            self._free(key)

    @contextlib.contextmanager
    def reserved(self, key: str, rung: int, files: Path | str = "") -> Iterator[None]:
        """Keep a label reserved while the block computes and completes it, and no longer.

        An unforeseen error (Ctrl-C, a full disk) in the block says nothing of the structure: it is written as an
        attempt that does not count, if it can be written, and raised. The same command computes the label again.
        """
        start = time.thread_time()
        try:
            yield
        except BaseException as error:
            if key in self._claims:
                cause = f"{type(error).__name__}: {error}"
                attempt = Attempt(rung, cause, True, False, time.thread_time() - start, str(files))
                try:
                    self.fail(key, attempt)
                except StoreError as second:
                    error.add_note(f"this could not be written into the label store: {second}")
            raise

    def reservations(self) -> list[tuple[Entry, bool]]:
        """Return the running labels, oldest first, each with whether its claim is held."""
        with self._database.open() as db:
            rows = list(db.select("label_key,state=running", sort="id"))
            return [(entry_of(row), self._database.is_held(row.data["owner"])) for row in rows]

    def release(self, key: str) -> None:
        """Free a running or failed label, so that it is computed by the next one that asks for it.

        Raises:
            StoreError: the label is neither.
        """
        with self._database.open() as db:
            row = self._row(db, key)
            if row is None or row.state not in ("running", "failed"):
                raise StoreError(f"label {key} in {self} is neither running nor failed")
            write_failure(db, row, Attempt(row.get("way", 0), RELEASED, True, False, 0.0, ""))

    def _again(self, db: Any, row: Any, next_rung: NextRung | None) -> tuple[str, Entry]:
        """Take over a label that nobody computes any more, or try a failed one again."""
        entry, rung, cause = entry_of(row), None, row.data.get("cause", "")
        if row.state == "running":
            if self._database.is_held(row.data["owner"]):
                return "busy", entry
            rung, cause = entry.rung, "its process was killed, or could not write the result"
            write_attempt(db, row, Attempt(rung, cause, True, False, 0.0, ""))
        elif row.state == "failed" and next_rung:
            rung = next_rung(entry, self._attempts(db, entry.key))
        if rung is None:
            return row.state, entry
        data = {"owner": self._reserve(entry.key), "cause": cause}
        db.update(row.id, state="running", attempts=row.attempts + 1, way=rung, data=data)
        return "yours", entry_of(self._row(db, entry.key))

    def _first(self, db: Any, key: str, atoms: Atoms, labeler: str, use_equivalent: bool) -> tuple[str, Entry]:
        """Reserve a label that was never asked for, or take that of an equivalent structure."""
        columns: dict[str, Any] = {"label_key": key, "structure": f"S{structure_id(atoms)}", "labeler": labeler}
        columns["level"] = level_of(key)
        marked = mark(atoms)
        if marked:
            columns |= marked.columns()
        twin, label = None, None
        if use_equivalent and marked:
            twin, label = self._equivalent(db, columns["level"], marked, atoms)
        if twin and label is None:
            return "busy", twin
        if twin and label:
            data = {"provenance": {**label.provenance, "equivalent_to": twin.key}, "label_core_seconds": 0.0}
            columns |= {"state": "done", "attempts": 0, "way": twin.rung, "core_seconds": 0.0}
            db.write(with_label(atoms, label), **columns, data=data)
            return "done", entry_of(self._row(db, key))
        columns |= {"state": "running", "attempts": 1, "way": 0, "core_seconds": 0.0}
        db.write(atoms, **columns, data={"owner": self._reserve(key)})
        return "yours", entry_of(self._row(db, key))

    def _equivalent(self, db: Any, level: str, marked: Mark, atoms: Atoms) -> tuple[Entry | None, Label | None]:
        """Return the entry of an equivalent structure and its label, turned; no label yet if it is being computed."""
        ours = packings(atoms)
        for number in self._database.ids(db, {"level": level, "composition": marked.formula}, marked.around()):
            theirs = _packings_of.get((str(self.where), number))
            if theirs is not None and not may_be_equivalent(theirs, ours):
                continue
            row = db.get(id=number)
            if len(_packings_of) >= _MOST_PACKINGS:
                _packings_of.clear()
            _packings_of[str(self.where), number] = packings(bare(row.toatoms())) if theirs is None else theirs
            if row.state == "failed" or (row.state == "running" and not self._database.is_held(row.data["owner"])):
                continue
            entry = entry_of(row)
            if entry.label:
                label = carried_over(entry.label, entry.atoms, atoms)
                if label:
                    return entry, label
            elif are_equivalent(entry.atoms, atoms):
                return entry, None
        return None, None

    def _reserve(self, key: str) -> dict[str, Any]:
        """Claim a label for this object; return the owner to be written into its row."""
        self._claims[key] = self._database.claim()
        return self._claims[key].owner

    def _free(self, key: str) -> None:
        claim = self._claims.pop(key, None)
        if claim:
            claim.release()

    def _row(self, db: Any, key: str) -> Any:
        ids = self._database.ids(db, {"label_key": key})
        return db.get(id=ids[0]) if ids else None

    def _attempts(self, db: Any, key: str) -> list[Attempt]:
        return [attempt_of(db.get(id=number)) for number in self._database.ids(db, {"attempt_of": key})]

    def _reserved_row(self, db: Any, key: str) -> tuple[Any, bool]:
        """Return the row of a label that this object reserved, and whether nobody took it over meanwhile."""
        row, claim = self._row(db, key), self._claims.get(key)
        if row is None or claim is None:
            raise StoreError(f"label {key} in {self} is not reserved by this process")
        return row, row.state == "running" and row.data["owner"] == claim.owner
