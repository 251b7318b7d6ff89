"""Labels in and out of a store: computed elsewhere, and for other programs to train on.

Every label is of one level of theory, the settings it was computed with. A file that Graft wrote names it in ``level``
of each structure, so that labels of several levels are not trained on together by mistake.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from al_core.errors import ConfigError, StoreError
from al_core.labels.store import LabelStore
from al_core.storage.hashing import file_sha256, label_key, structure_id
from al_core.structures.datasets import LEVEL, write_labelled
from al_core.types import Label, Labeler

_ENERGY_EV, _FORCE, _STRESS = 1e-6, 1e-6, 1e-8  # how far two labels of one structure may be apart to be the same


@dataclass(frozen=True)
class Level:
    """A level of theory in a store.

    Attributes:
        id: what labels of this level share in their keys.
        labeler: kind of the labeler.
        settings: of the labeler, as far as its labels name them.
        labels: how many there are.
        core_seconds: what they cost.
    """

    id: str
    labeler: str
    settings: str
    labels: int
    core_seconds: float


def levels(store: LabelStore) -> list[Level]:
    """Return the levels of theory that a store has labels of."""
    found = []
    for first, number, core_seconds in store.levels():
        identity = first.label.provenance.get("labeler", {}) if first.label else {}
        settings = ", ".join(f"{key} {value}" for key, value in identity.items() if key != "kind")
        found.append(Level(first.level, first.labeler, settings, number, core_seconds))
    return found


def export_labels(store: LabelStore, out: Path, level: str | None = None, *, mix_levels: bool = False) -> int:
    """Write the labels of a store as extxyz with ``REF_energy``, ``REF_forces``, ``REF_stress``; return their number.

    Args:
        store: the store.
        out: the file.
        level: the level of theory to write, or the start of its id; needed where there are several.
        mix_levels: write them all into one file, on the reader's own risk.

    Raises:
        ConfigError: there is no label, none of this level, or of several.
    """
    there = levels(store)
    if not there:
        raise ConfigError(f"{store} has no finished label")
    named = "; ".join(f"{one.id}: {one.labels} of {one.labeler} {one.settings}" for one in there)
    wanted = [one.id for one in there if level is None or one.id.startswith(level)]
    if not wanted:
        raise ConfigError(f"--level {level}: no label of it is in {store} ({named})")
    if len(wanted) > 1 and not mix_levels:
        raise ConfigError(
            f"{store} has labels of {len(wanted)} levels of theory ({named}); choose one with --level, or write all of "
            "them into one file with --mix-levels"
        )
    named_level = {LEVEL: "+".join(sorted(wanted))}

    def labelled() -> Iterator[tuple[Atoms, Label]]:
        for entry in store.each():
            if entry.label and entry.level in wanted:
                entry.atoms.info = {"structure": f"S{entry.structure}", **named_level}
                yield entry.atoms, entry.label

    return write_labelled(out, labelled())


def import_labels(
    store: LabelStore, labelled: Sequence[tuple[Atoms, Label]], file: Path, labeler: Labeler
) -> tuple[int, int]:
    """Put the labels of a file into a store, under a level of theory of their own.

    Args:
        store: the store.
        labelled: the structures and labels of the file.
        file: where they are from.
        labeler: the one that will find them, of kind ``imported``.

    Returns:
        How many labels are new, and how many were there.

    Raises:
        ConfigError: there is another label of a structure, in the file or the store; nothing is written then.
    """
    identity = labeler.identity()
    new: dict[str, tuple[Atoms, Label]] = {}
    known = 0
    for number, (atoms, label) in enumerate(labelled):
        key = label_key(structure_id(atoms), identity)
        entry = store.get(key)
        before = new[key][1] if key in new else entry.label if entry else None
        if before is None:
            new[key] = atoms, label
        elif _differ(before, label):
            raise ConfigError(
                f"{file}: structure {number} has another label than one of the same structure that came before "
                f"(theory {identity['theory']!r}); import it under a --theory of its own"
            )
        else:
            known += 1
    source = {"labeler": identity, "file": str(file), "sha256": file_sha256(file)}
    for key, (atoms, label) in new.items():
        # one that was asked for before it was there has failed
        state, _ = store.claim(key, atoms, labeler.name, next_rung=lambda failed, before: 0)
        if state != "yours":
            raise StoreError(f"label {key} is written by another process; run the same command again")
        with store.reserved(key, rung=0):
            store.complete(key, Label(label.energy, label.forces, label.stress, 0.0, source))
    return len(new), known


def _differ(one: Label, other: Label) -> bool:
    if abs(one.energy - other.energy) > _ENERGY_EV or not np.allclose(one.forces, other.forces, atol=_FORCE):
        return True
    if one.stress is None or other.stress is None:
        return one.stress is not other.stress
    return not np.allclose(one.stress, other.stress, atol=_STRESS)
