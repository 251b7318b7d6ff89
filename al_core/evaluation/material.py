"""A material under test: a crystal and a potential, and what is common to the properties computed of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers, covalent_radii, reference_states
from ase.eos import EquationOfState as Fit
from ase.formula import Formula

from al_core.config.evaluation import AnyProperties
from al_core.errors import ConfigError, LabelError
from al_core.evaluation.measured import NoPropertyError, Properties, Property
from al_core.evaluation.relaxation import relaxed
from al_core.structures.elements import CRYSTALS

_ATOMS_OF_CUBE = {"diamond": 8, "fcc": 4, "bcc": 2, "sc": 1}
_BOND_OF_COMPOUND = {"rocksalt": 1 / 2, "zincblende": sqrt(3) / 4}  # in lattice constants; eight atoms each
_VOLUMES = {"diamond": 1.36, "fcc": 1.0, "bcc": 1.0, "sc": 1.1, "beta_tin": 0.97}  # per atom, in that of fcc, roughly
_BETA_TIN_RATIO = 0.55  # c/a, of germanium and tin
_USUAL_VOLUME = 15.0  # Å^3 per atom, where nothing is known of an element's crystal
_SCAN = np.linspace(0.7, 1.3, 13)  # of the expected volume
_FITTED = np.linspace(0.94, 1.06, 7)  # of that with the least energy


def computed(units_of: dict[str, str], compute: Callable[[], Sequence[float]]) -> Properties:
    """Return what ``compute`` returns as properties of these names and units; the reason where it cannot."""
    try:
        values = compute()
    except (NoPropertyError, LabelError) as error:
        return {name: Property(None, unit, str(error)) for name, unit in units_of.items()}
    return {name: Property(float(value), unit) for (name, unit), value in zip(units_of.items(), values, strict=True)}


@dataclass(frozen=True)
class EquationOfState:
    """Energy against volume (Birch and Murnaghan).

    Attributes:
        volume: Å^3 per atom, of the least energy.
        energy: eV per atom there.
        bulk_modulus_GPa: there.
        derivative: of the bulk modulus by pressure.
        volumes: Å^3 per atom, of the points it is fitted to, ascending.
        energies: eV per atom of these points.
    """

    volume: float
    energy: float
    bulk_modulus_GPa: float
    derivative: float
    volumes: tuple[float, ...]
    energies: tuple[float, ...]


class Material:
    """The cubic crystal of an element, or of a compound of two, as a potential has it.

    Args:
        formula: chemical symbol, or a formula such as ``MgO``.
        potential: energies (eV), forces and stresses; in double precision.
        structure: ``diamond``, ``fcc``, ``bcc`` or ``sc``, that of the element at room temperature if not given; of a
            compound ``rocksalt`` or ``zincblende``, which must be given.
        guide: a cheap potential that resembles it, whose way relaxations follow.

    Attributes:
        expected: the primitive cell, with the volume of density-functional theory or experiment, as far as it is known.

    Raises:
        ConfigError: the crystal is not cubic or not known, and no other is named.
    """

    def __init__(
        self, formula: str, potential: Calculator, structure: str | None = None, guide: Calculator | None = None
    ) -> None:
        self.formula, self.potential, self.guide = formula, potential, guide
        elements = list(Formula(formula).count())
        if len(elements) == 1:
            self.structure, self.expected = _of_element(formula, structure)
        else:
            self.structure, self.expected = structure or "", _of_compound(elements, formula, structure)

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
        return equation_of_state(self.expected, self.potential)

    @property
    def lattice_constant(self) -> float:
        """Edge of the cubic cell of the least energy, Å."""
        return float((self.equation.volume * self.atoms_per_cell) ** (1 / 3))

    def cell(self, repeat: int = 1) -> Atoms:
        """Return the cubic cell of the least energy, repeated along each edge, without a calculator."""
        cell: Atoms = self._cubic(self.lattice_constant) * (repeat, repeat, repeat)
        return cell

    @property
    def primitive(self) -> Atoms:
        """The primitive cell of the least energy, without a calculator."""
        cell: Atoms = bulk(self.formula, self.structure, a=self.lattice_constant)
        return cell

    def _cubic(self, edge: float) -> Atoms:
        cell: Atoms = bulk(self.formula, self.structure, a=edge, cubic=True)
        return cell

    @property
    def atoms_per_cell(self) -> int:
        """The number of atoms in the cubic cell."""
        return len(self._cubic(1.0))

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


def _of_element(element: str, structure: str | None) -> tuple[str, Atoms]:
    """Return the name of an element's crystal and its expected primitive cell."""
    state = reference_states[atomic_numbers[element]] or {}
    own, edge = str(state.get("symmetry")), float(str(state.get("a", 0)))
    if element in CRYSTALS:
        known = CRYSTALS[element]
        own, edge = known.structure, known.pbe_lattice_constant_A or known.lattice_constant_A
    structure = structure or own
    if structure not in _ATOMS_OF_CUBE:
        cubic = ", ".join(_ATOMS_OF_CUBE)
        raise ConfigError(f"{element} crystallises as {structure}; properties are computed of {cubic}")
    volume = edge**3 / _ATOMS_OF_CUBE[own] if own in _ATOMS_OF_CUBE else _USUAL_VOLUME
    return structure, primitive_cell(element, structure, volume * phase_volume(own, structure))


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


def phase_volume(known: str, phase: str) -> float:
    """Return roughly the volume per atom of a phase in that of another."""
    return _VOLUMES[phase] / _VOLUMES.get(known, 1.0)


def primitive_cell(element: str, phase: str, volume: float) -> Atoms:
    """Return the primitive cell of a phase with this volume per atom, Å^3; beta-tin has c/a = 0.55."""
    if phase != "beta_tin":
        return bulk(element, phase, a=(_ATOMS_OF_CUBE[phase] * volume) ** (1 / 3))
    a = (4 * volume / _BETA_TIN_RATIO) ** (1 / 3)
    half, height = a / 2, _BETA_TIN_RATIO * a / 2
    cell = [(-half, half, height), (half, -half, height), (half, half, -height)]  # body-centred tetragonal
    return Atoms([element] * 2, positions=[(0, 0, 0), (0, half, height / 2)], cell=cell, pbc=True)


def equation_of_state(atoms: Atoms, potential: Calculator) -> EquationOfState:
    """Return the equation of state of a crystal whose atoms stay where they are relative to its cell.

    The minimum is looked for between 0.7 and 1.3 of the volume of ``atoms``; seven volumes within 6 % of it are fitted.

    Raises:
        NoPropertyError: there is no minimum there.
    """

    def energies(ratios: np.ndarray) -> np.ndarray:
        found = []
        for ratio in ratios:
            copy = atoms.copy()
            copy.set_cell(atoms.cell.array * ratio ** (1 / 3), scale_atoms=True)
            copy.calc = potential
            found.append(copy.get_potential_energy() / len(atoms))
        return np.array(found)

    volume = atoms.get_volume() / len(atoms)
    lowest = int(np.argmin(energies(_SCAN)))
    if lowest in (0, len(_SCAN) - 1):
        raise NoPropertyError(f"no least energy between {_SCAN[0]:g} and {_SCAN[-1]:g} of {volume:.1f} Å^3 per atom")
    ratios = _SCAN[lowest] * _FITTED
    points = [float(one) for one in ratios * volume], [float(one) for one in energies(ratios)]
    fit = Fit(*points, eos="birchmurnaghan")
    try:
        best, energy, modulus = fit.fit(warn=False)
    except RuntimeError as error:
        raise NoPropertyError(f"no equation of state fits the energies: {error}") from error
    return EquationOfState(
        volume=float(best),
        energy=float(energy),
        bulk_modulus_GPa=float(modulus / units.GPa),
        derivative=float(fit.eos_parameters[2]),
        volumes=tuple(points[0]),
        energies=tuple(points[1]),
    )
