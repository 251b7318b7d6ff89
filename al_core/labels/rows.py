"""The rows of a label store: labels, and attempts at them that failed. ``way`` is the column of the rung."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from al_core.errors import StoreError
from al_core.storage.hashing import level_of
from al_core.storage.locks import Holder
from al_core.types import Label

_OWN_STATES = ("running", "done", "failed")


@dataclass(frozen=True)
class Entry:
    """A finished, failed or running label of one structure.

    Attributes:
        rung: which of the labeler's rungs was tried last.
        core_seconds: what it has cost altogether, failed attempts included.
        cause: of the last failure, in one line; '' if none failed.
        owner: who computes it, for people to read; '' if nobody does.
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
    owner: str = ""

    @property
    def level(self) -> str:
        """The level of theory: what all labels of the same settings and versions share."""
        return level_of(self.key)


RELEASED = "it was released"  # the cause of an attempt that says that those before it are past


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


def with_label(atoms: Atoms, label: Label) -> Atoms:
    """Return a structure that carries its label."""
    labelled: Atoms = atoms.copy()
    labelled.calc = SinglePointCalculator(labelled, energy=label.energy, forces=label.forces, stress=label.stress)
    return labelled


def write_attempt(db: Any, row: Any, attempt: Attempt) -> None:
    """Write an attempt at the label of a row as a row of its own."""
    data = asdict(attempt)
    db.write(
        row.toatoms(),
        attempt_of=row.label_key,
        structure=row.structure,
        labeler=row.labeler,
        state="attempt",
        way=data.pop("rung"),
        core_seconds=data.pop("core_seconds"),
        data=data,
    )


def write_failure(db: Any, row: Any, attempt: Attempt) -> None:
    """Turn the label of a row into a failed one, and write the attempt."""
    write_attempt(db, row, attempt)
    db.update(
        row.id,
        state="failed",
        attempts=row.attempts if attempt.counts or row.state == "failed" else row.attempts - 1,
        way=attempt.rung,
        core_seconds=row.core_seconds + attempt.core_seconds,
        data={"cause": attempt.cause, "transient": attempt.transient, "files": attempt.files},
    )


def attempt_of(row: Any) -> Attempt:
    """Return the attempt of a row."""
    return Attempt(rung=int(row.way), core_seconds=float(row.core_seconds), **row.data)


def entry_of(row: Any) -> Entry:
    """Return the label of a row.

    Raises:
        StoreError: the row is of no known state.
    """
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
        owner=_described(row.data["owner"]) if row.state == "running" else "",
    )


def _described(owner: dict[str, Any] | str) -> str:
    if isinstance(owner, str):  # written before claims were locks
        host, pid, _ = owner.split("|")
        return f"process {pid} on {host}"
    return str(Holder.from_dict(owner))
