"""What the labelers of classical potentials have in common: an ASE calculator computes the label in this thread."""

import time
from abc import abstractmethod
from functools import cache
from importlib import metadata
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator

from al_core.structures.checks import boxed
from al_core.types import Label
from calculators.cheap import CheapLabeler

version = cache(metadata.version)  # looked up for every label, which takes longer than the label

_MARGIN_A = 12.0  # more than the cutoff of any of the potentials


class ClassicalLabeler(CheapLabeler):
    """Labels of a classical potential; a cell is needed only along periodic directions."""

    by_physics = by_equivalents = True

    @abstractmethod
    def calculator(self, atoms: Atoms) -> Calculator:
        """Return the ASE calculator of a structure (energy eV, forces eV/Å, stress eV/Å^3)."""

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`."""
        start = time.thread_time()
        structure = boxed(atoms, _MARGIN_A)
        structure.calc = self.calculator(structure)
        energy = float(structure.get_potential_energy())
        forces = structure.get_forces()
        stress = structure.get_stress() if structure.pbc.all() else None
        return Label(energy, forces, stress, time.thread_time() - start, {"labeler": self.identity()})
