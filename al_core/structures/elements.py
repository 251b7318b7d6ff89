"""What is known of the elements before any calculation.

Crystal structures, lattice constants at room temperature and cohesive energies: C. Kittel, Introduction to Solid State
Physics, 8th ed., tables 1.3 and 3.1; the lattice constant of Si with one more digit of the same measurements. Lattice
constants of PBE: five energies each from GPAW 26.7 (primitive cell, 600 eV, 4.5 k-points per Å^-1) and Birch and
Murnaghan's equation of state.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

_ATOMS = {"diamond": 8, "fcc": 4}
_BOND = {"diamond": sqrt(3) / 4, "fcc": sqrt(2) / 2}  # in lattice constants


@dataclass(frozen=True)
class Crystal:
    """An element's crystal at room temperature.

    Attributes:
        structure: as ASE's ``bulk`` names it; its conventional cell is a cube.
        lattice_constant_A: edge of that cube.
        cohesive_energy_eV: per atom, against free atoms.
        pbe_lattice_constant_A: the edge in density-functional theory, where it is known.
    """

    structure: Literal["diamond", "fcc"]
    lattice_constant_A: float
    cohesive_energy_eV: float
    pbe_lattice_constant_A: float | None = None

    @property
    def atoms_per_cell(self) -> int:
        """The number of atoms in the cubic cell."""
        return _ATOMS[self.structure]

    @property
    def atoms_per_primitive_cell(self) -> int:
        """The number of atoms in the primitive cell; both lattices are face-centred cubic."""
        return self.atoms_per_cell // 4

    def bond(self, in_dft: bool = False) -> float:
        """Return the distance of nearest neighbours, Å: of experiment, or of PBE where that is known."""
        edge = self.pbe_lattice_constant_A if in_dft else self.lattice_constant_A
        if edge is None:
            raise ValueError("the lattice constant of PBE is not known")
        return edge * _BOND[self.structure]


CRYSTALS: dict[str, Crystal] = {
    "C": Crystal("diamond", 3.567, 7.37, 3.573),
    "Si": Crystal("diamond", 5.431, 4.63, 5.474),
    "Ge": Crystal("diamond", 5.658, 3.85, 5.768),
    "Al": Crystal("fcc", 4.05, 3.39),
    "Ni": Crystal("fcc", 3.52, 4.44),
    "Cu": Crystal("fcc", 3.61, 3.49),
    "Pd": Crystal("fcc", 3.89, 3.89),
    "Ag": Crystal("fcc", 4.09, 2.95),
    "Pt": Crystal("fcc", 3.92, 5.84),
    "Au": Crystal("fcc", 4.08, 3.81),
}
