"""A labeler as an ASE calculator: what relaxes or strains a structure asks it for one label after the other."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from al_core.errors import LabelError
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.storage.hashing import label_key, structure_id
from al_core.types import Label, Labeler

_WITHOUT_STORE_S = 0.1  # labels that cost less are computed again rather than kept


def is_kept(labeler: Labeler, atoms: Atoms) -> bool:
    """Return whether a label of such a structure costs so much that it is kept in a store."""
    return labeler.estimate_core_seconds(atoms) > _WITHOUT_STORE_S


class LabelCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å^3) of a labeler.

    Args:
        labeler: computes the labels.
        store: keeps them, so that none is computed twice; without one each is computed, as suits one of milliseconds.
        files: folder of the labels' outputs; needed with a store.
        asked: called with each label's key before the store is asked for it.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's way)

    def __init__(
        self,
        labeler: Labeler,
        store: LabelStore | None = None,
        files: Path | None = None,
        asked: Callable[[str], object] = lambda key: None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._labeler, self._store, self._files, self._asked = labeler, store, files, asked

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), changes: Sequence[str] = all_changes
    ) -> None:
        """Label a structure.

        Raises:
            LabelError: it cannot be labelled, or the labeler gives no stress where one is asked for.
        """
        super().calculate(atoms, properties, changes)  # type: ignore[no-untyped-call]
        assert atoms is not None
        label = self._label(atoms)
        self.results = {"energy": label.energy, "free_energy": label.energy, "forces": label.forces}
        if label.stress is not None:
            self.results["stress"] = label.stress
        elif "stress" in properties:
            raise LabelError(f"labeler {self._labeler.name} gives no stress")

    def _label(self, atoms: Atoms) -> Label:
        if not np.isfinite(atoms.positions).all():
            raise LabelError("atoms have been moved to where is no number")
        bare = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        if self._store is None or self._files is None:
            self._labeler.check(bare)
            return self._labeler.label(bare, Path(tempfile.gettempdir()))
        self._asked(label_key(structure_id(bare), self._labeler.identity()))
        entry = obtain_label(self._store, self._labeler, bare, self._files, exactly=True).entry
        if entry.label is None:
            raise LabelError(f"label {entry.key} failed: {entry.cause}")
        return entry.label
