"""A material under test: a crystal and a potential, and what is common to the properties computed of it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers, covalent_radii, reference_states
from ase.formula import Formula

from al_core.config.evaluation import AnyProperties
from al_core.errors import ConfigError, LabelError
from al_core.evaluation.equation import (
    ATOMS_OF_CUBE,
    IDEAL_RATIO,
    EquationOfState,
    equation_of_state,
    phase_volume,
    primitive_cell,
)
from al_core.evaluation.measured import NoPropertyError, Properties, Property
from al_core.evaluation.relaxation import relaxed
from al_core.structures.elements import CRYSTALS

_BOND_OF_COMPOUND = {"rocksalt": 1 / 2, "zincblende": sqrt(3) / 4}  # in lattice constants; eight atoms each
_USUAL_VOLUME = 15.0  # Å^3 per atom, where nothing is known of an element's crystal


def computed(units_of: dict[str, str], compute: Callable[[], Sequence[float]]) -> Properties:
    """Return what ``compute`` returns as properties of these names and units; the reason where it cannot."""
    try:
        values = compute()
    except (NoPropertyError, LabelError) as error:
        return {name: Property(None, unit, str(error)) for name, unit in units_of.items()}
    return {name: Property(float(value), unit) for (name, unit), value in zip(units_of.items(), values, strict=True)}


class Material:
    """The crystal of an element, cubic or hcp, or of a compound of two, cubic, as a potential has it.

    Args:
        formula: chemical symbol, or a formula such as ``MgO``.
        potential: energies (eV), forces and stresses; in double precision.
        structure: ``diamond``, ``fcc``, ``bcc``, ``sc`` or ``hcp``, that of the element at room temperature if not
            given; of a compound ``rocksalt`` or ``zincblende``, which must be given.
        guide: a cheap potential that resembles it, whose way relaxations follow.

    Attributes:
        expected: the primitive cell, with the volume of density-functional theory or experiment, as far as it is known.

    Raises:
        ConfigError: the crystal is another or not known, and no other is named.
    """

    def __init__(
        self, formula: str, potential: Calculator, structure: str | None = None, guide: Calculator | None = None
    ) -> None:
        self.formula, self.potential, self.guide = formula, potential, guide
        self.structure, self.expected = _expected(formula, structure)

    @property
    def is_compound(self) -> bool:
        """Whether it has more than one element."""
        return len(set(self.expected.numbers)) > 1

    @cached_property
    def equation(self) -> EquationOfState:
        """The crystal's equation of state.

        Raises:
            NoPropertyError: it has no minimum.
        """
        return equation_of_state(self.expected, self.potential, free_ratio=self.is_hcp)

    @property
    def is_hcp(self) -> bool:
        """Whether its cell is hexagonal, with a c/a of its own."""
        return self.structure == "hcp"

    @property
    def lattice_constant(self) -> float:
        """Edge of the cubic cell of the least energy, of hcp that within the plane, Å."""
        if self.is_hcp:
            return float((4 * self.equation.volume / (sqrt(3) * self._ratio)) ** (1 / 3))
        return float((self.equation.volume * atoms_in(self.formula, self.structure, 1)) ** (1 / 3))

    @property
    def _ratio(self) -> float:
        return self.equation.ratio or IDEAL_RATIO

    def cell(self, repeat: int = 1) -> Atoms:
        """Return the cubic cell of the least energy, of hcp that of two atoms, repeated, without a calculator."""
        unit = self.primitive if self.is_hcp else self._bulk(cubic=True)
        cell: Atoms = unit * repeats(self.structure, repeat)
        return cell

    @property
    def primitive(self) -> Atoms:
        """The primitive cell of the least energy, without a calculator."""
        return self._bulk(covera=self._ratio) if self.is_hcp else self._bulk()

    def _bulk(self, **settings: Any) -> Atoms:
        cell: Atoms = bulk(self.formula, self.structure, a=self.lattice_constant, **settings)
        return cell

    @property
    def bond(self) -> float:
        """Distance of nearest neighbours at the least energy, Å."""
        distances = self.cell().get_all_distances(mic=True)
        return float(np.min(distances[distances > 0], initial=self.lattice_constant))

    def energy(self, atoms: Atoms) -> float:
        """Return the potential energy of a structure, eV."""
        copy = atoms.copy()
        copy.calc = self.potential
        return float(copy.get_potential_energy())

    def relaxed(self, atoms: Atoms) -> Atoms:
        """Return a structure with its atoms relaxed in the cell as it is, with the calculator.

        Raises:
            NoPropertyError: they do not come to rest.
        """
        return relaxed(atoms, self.potential, self.guide)


def crystal_name(formula: str, structure: str | None) -> str:
    """Return the name of a crystal, such as ``diamond``; arguments as of :class:`Material`, which raises the same."""
    return _expected(formula, structure)[0]


def repeats(structure: str, repeat: int) -> tuple[int, int, int]:
    """Return how often a cell is repeated along its axes.

    A cubic one as often along each; that of hcp, which is flat, more often within the plane: 3 x 3 x 2, 5 x 5 x 3.
    """
    across = (3 * repeat + 1) // 2 if structure == "hcp" and repeat > 1 else repeat
    return across, across, repeat


def atoms_in(formula: str, structure: str | None, repeat: int) -> int:
    """Return how many atoms :meth:`Material.cell` has; arguments as of :class:`Material`, which raises the same."""
    structure, expected = _expected(formula, structure)
    unit = expected if structure == "hcp" else bulk(formula, structure, a=1.0, cubic=True)
    return int(len(unit) * np.prod(repeats(structure, repeat)))


def _expected(formula: str, structure: str | None) -> tuple[str, Atoms]:
    """Return the name of a crystal and its expected primitive cell."""
    elements = list(Formula(formula).count())
    if len(elements) == 1:
        return _of_element(formula, structure)
    return structure or "", _of_compound(elements, formula, structure)


def _of_element(element: str, structure: str | None) -> tuple[str, Atoms]:
    state = reference_states[atomic_numbers[element]] or {}
    own, edge = str(state.get("symmetry")), float(str(state.get("a", 0)))
    ratio = float(str(state.get("c/a", IDEAL_RATIO)))
    if element in CRYSTALS:
        known = CRYSTALS[element]
        own, edge = known.structure, known.pbe_lattice_constant_A or known.lattice_constant_A
    known_ones = ", ".join((*ATOMS_OF_CUBE, "hcp"))
    if structure and structure not in (*ATOMS_OF_CUBE, "hcp"):
        raise ConfigError(f"crystal: properties of {element} are computed of {known_ones}, not of {structure}")
    if not structure and own not in (*ATOMS_OF_CUBE, "hcp"):
        raise ConfigError(
            f"{element} crystallises as {own}; properties are computed of {known_ones}: name one of these, in a study "
            "crystal: diamond, in a growth crystal: {prototype: diamond, a: ...}, with graft properties --structure"
        )
    structure = structure or own
    volume = _USUAL_VOLUME
    if own in ATOMS_OF_CUBE:
        volume = edge**3 / ATOMS_OF_CUBE[own]
    elif own == "hcp":
        volume = sqrt(3) / 4 * ratio * edge**3
    volume *= phase_volume(own, structure)
    return structure, primitive_cell(element, structure, volume, ratio if own == "hcp" else IDEAL_RATIO)


def _of_compound(elements: Sequence[str], formula: str, structure: str | None) -> Atoms:
    """Return the expected primitive cell of a compound; its bond is the sum of the atoms' covalent radii."""
    if structure not in _BOND_OF_COMPOUND or len(elements) != 2:
        raise ConfigError(
            f"crystal: properties of a compound are computed of two elements in {' or '.join(_BOND_OF_COMPOUND)}, got "
            f"{structure or 'no crystal'} of {formula}"
        )
    bond = float(sum(covalent_radii[atomic_numbers[symbol]] for symbol in elements))
    return bulk(formula, structure, a=bond / _BOND_OF_COMPOUND[structure])


def check_possible(material: Material, settings: Sequence[AnyProperties]) -> None:
    """Raise :class:`~al_core.errors.ConfigError` where a compound's melt is asked for without its volume."""
    melts = [one for one in settings if one.kind == "structure" and one.melt_K is not None]
    if material.is_compound and any(one.melt_volume is None for one in melts):
        raise ConfigError(
            f"evaluations: structure: a melt of {material.formula} needs melt_volume, in that of the crystal, such as "
            "1.15; it is known of elements only"
        )
