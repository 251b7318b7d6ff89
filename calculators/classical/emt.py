"""Effective medium theory for fcc metals: a labeler that costs milliseconds, and the neutral sampler of their pools.

K. W. Jacobsen, P. Stoltze and J. K. Nørskov, Surf. Sci. 366, 394 (1996), as ASE has it. Energies count from the
perfect fcc crystal, not from free atoms. ASE's parameters for H, C, N and O describe nothing and are not offered.
"""

from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from al_core.config.labelers import EMTLabeler as Settings
from al_core.errors import LabelError
from calculators.classical.labeler import ClassicalLabeler, version

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


class EMTLabeler(ClassicalLabeler):
    """Labels of effective medium theory, of one metal or an alloy of them."""

    name = "emt"

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

    def calculator(self, atoms: Atoms) -> Calculator:
        """See :class:`calculators.classical.labeler.ClassicalLabeler`."""
        return emt(atoms.get_chemical_symbols()[0])
