"""A labeler as an ASE calculator: what relaxes or strains a structure asks it for one label after the other."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from al_core.errors import LabelError
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.types import Label, Labeler


class LabelCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å^3) of a labeler.

    Args:
        labeler: computes the labels.
        store: keeps them, so that none is computed twice; without one each is computed, as suits one of milliseconds.
        files: folder of the labels' outputs; needed with a store.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's way)

    def __init__(
        self, labeler: Labeler, store: LabelStore | None = None, files: Path | None = None, **options: Any
    ) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._labeler, self._store, self._files = labeler, store, files

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), changes: Sequence[str] = all_changes
    ) -> None:
        """Label a structure.

        Raises:
            LabelError: it cannot be labelled.
        """
        super().calculate(atoms, properties, changes)  # type: ignore[no-untyped-call]
        assert atoms is not None
        label = self._label(atoms)
        self.results = {"energy": label.energy, "free_energy": label.energy, "forces": label.forces}
        if label.stress is not None:
            self.results["stress"] = label.stress

    def _label(self, atoms: Atoms) -> Label:
        bare = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        if self._store is None or self._files is None:
            self._labeler.check(bare)
            return self._labeler.label(bare, Path(tempfile.gettempdir()))
        entry = obtain_label(self._store, self._labeler, bare, self._files).entry
        if entry.label is None:
            raise LabelError(f"label {entry.key} failed: {entry.cause}")
        return entry.label
