"""Effective medium theory for fcc metals: a labeler that costs milliseconds, and the neutral sampler of their pools.

K. W. Jacobsen, P. Stoltze and J. K. Nørskov, Surf. Sci. 366, 394 (1996), as ASE has it. Energies count from the
perfect fcc crystal, not from free atoms. ASE's parameters for H, C, N and O describe nothing and are not offered.
"""

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from al_core.config.labelers import EMTLabeler as Settings
from al_core.errors import LabelError
from al_core.types import Label
from calculators.cheap import CheapLabeler

ELEMENTS = ("Al", "Cu", "Ag", "Au", "Ni", "Pd", "Pt")


def emt(element: str) -> Calculator:
    """Return an ASE calculator of effective medium theory (energy eV, forces eV/Å, stress eV/Å^3).

    Raises:
        LabelError: there are no parameters for the element.
    """
    from ase.calculators.emt import EMT

    if element not in ELEMENTS:
        raise LabelError(f"EMT has parameters for {', '.join(ELEMENTS)}, not for {element}")
    calculator: Calculator = EMT()
    return calculator


class EMTLabeler(CheapLabeler):
    """Labels of effective medium theory, of one metal or an alloy of them."""

    name = "emt"
    by_physics = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def identity(self) -> dict[str, Any]:
        """See :class:`al_core.types.Labeler`."""
        return {"kind": self.name, "ase": version("ase")}

    def check(self, atoms: Atoms) -> None:
        """See :class:`al_core.types.Labeler`."""
        elements = set(atoms.get_chemical_symbols())
        if not elements or not elements <= set(ELEMENTS):
            raise LabelError(f"EMT labels {', '.join(ELEMENTS)}, not {'+'.join(sorted(elements)) or 'nothing'}")

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        """See :class:`al_core.types.Labeler`."""
        return 3e-3 + 4e-4 * len(atoms)

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        """See :class:`al_core.types.Labeler`."""
        start = time.process_time()
        atoms = atoms.copy()
        atoms.calc = emt(atoms.get_chemical_symbols()[0])
        energy = float(atoms.get_potential_energy())
        forces = atoms.get_forces()
        stress = atoms.get_stress() if atoms.pbc.all() else None
        spent = time.process_time() - start
        return Label(energy, forces, stress, spent, {"labeler": self.identity()})
