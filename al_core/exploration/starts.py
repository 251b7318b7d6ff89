"""Where walkers start: crystals, with a vacancy, as a slab, or molten, in cells of several sizes and strains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from al_core.config.growth import Exploration, Purpose
from al_core.config.structures import CrystalCell
from al_core.config.target import Target, elements_of
from al_core.storage.hashing import DIGITS
from al_core.structures import rattling
from al_core.structures.checks import bare, closest_distance
from al_core.structures.elements import CRYSTALS
from al_core.structures.sampling import primitive, prototype
from al_core.structures.shells import bond_length
from al_core.structures.supercells import supercell

_RATTLE_A = 0.03
_VACUUM_A = 8.0
_ATOMS_OF_SLAB = 4  # at least; small cells are stacked
_MELTED = 0.18  # root mean square displacement of a molten start, in bonds
_CLOSEST = 0.75  # bonds, in a molten start
_LESS = 0.97  # of the displacement, where atoms came too near


@dataclass(frozen=True)
class Start:
    """Where a walker starts, and what it is a part of.

    Attributes:
        atoms: the structure; its slice, ``config_type``, is phase and temperature.
        phase: crystal, vacancy, surface or liquid; ``given`` for structures of the user.
        temperature_K: of its bath.
    """

    atoms: Atoms
    phase: str
    temperature_K: float


@dataclass(frozen=True)
class Crystal:
    """The perfect crystal that walkers start from.

    Attributes:
        primitive: its primitive cell.
        conventional: its conventional cell.
    """

    primitive: Atoms
    conventional: Atoms

    @property
    def bond(self) -> float:
        """Distance of nearest neighbours, Å."""
        return bond_length([self.primitive]) or 0.0


def crystal_of(target: Target, cell: CrystalCell | None) -> Crystal:
    """Return the crystal of a config, or the element's own with PBE's lattice constant where that is known.

    Raises:
        ConfigError: ASE cannot build it, or it has other elements.
        KeyError: none is named, and the element's own is not known.
    """
    if cell is not None:
        elements = elements_of(target)
        return Crystal(rattling.primitive(cell, elements), rattling.conventional(cell, elements))
    (element,) = elements_of(target)
    known = CRYSTALS[element]
    scale = (known.pbe_lattice_constant_A or known.lattice_constant_A) / known.lattice_constant_A
    return Crystal(primitive(element, scale), prototype(element, scale))


def starting_points(
    purpose: Purpose, exploration: Exploration, origin: Crystal | Sequence[Atoms], seed: int, number: int
) -> list[Start]:
    """Return where the walkers of a round start: phases first, then temperatures, then cell sizes, in turn.

    Every start has its own cell shape, strain and displacements. Positions and cells are rounded, so that ids survive
    a file.

    Args:
        purpose: phases, temperatures and strain.
        exploration: how many walkers, and the sizes of their cells.
        origin: the crystal they are made of, or structures to draw them from.
        seed: of the growth.
        number: of the round; each has its own starts.
    """
    phases: tuple[str, ...] = purpose.phases if isinstance(origin, Crystal) else ("given",)
    found = []
    for walker in range(exploration.walkers):
        rng = np.random.default_rng([seed, number, walker])
        rest, phase = divmod(walker, len(phases))
        rest, bath = divmod(rest, len(purpose.temperatures_K))
        cells = exploration.cells[rest % len(exploration.cells)]
        name, temperature = phases[phase], purpose.temperatures_K[bath]
        if isinstance(origin, Crystal):
            atoms = _made(name, origin, purpose.strain, cells, rng)
        else:
            atoms = bare(origin[int(rng.integers(len(origin)))])
        if name == "liquid":
            temperature = purpose.liquid_K
        atoms.positions = atoms.positions.round(DIGITS)
        atoms.cell = atoms.cell.array.round(DIGITS)
        atoms.info = {"config_type": f"{name}_{temperature:g}K"}
        found.append(Start(atoms, name, temperature))
    return found


def _made(phase: str, crystal: Crystal, strain: float, cells: int, rng: np.random.Generator) -> Atoms:
    atoms = _slab(crystal) if phase == "surface" else supercell(crystal.primitive, cells, rng)
    part = rng.uniform(-strain, strain, (3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + (part + part.T) / 2), scale_atoms=True)
    if phase == "vacancy":
        del atoms[int(rng.integers(len(atoms)))]
    if phase == "surface":
        atoms.center(vacuum=_VACUUM_A / 2, axis=2)
    if phase == "liquid":
        return _molten(atoms, crystal.bond, rng)
    atoms.positions += rng.normal(0.0, _RATTLE_A, atoms.positions.shape)
    return bare(atoms)


def _slab(crystal: Crystal) -> Atoms:
    cells = -(-_ATOMS_OF_SLAB // len(crystal.conventional))
    slab: Atoms = crystal.conventional.repeat((1, 1, cells))
    return slab


def _molten(atoms: Atoms, bond: float, rng: np.random.Generator) -> Atoms:
    """Return a crystal whose atoms are far from their sites, but not too near each other: the dynamics melt it."""
    moves = rng.normal(0.0, 1.0, atoms.positions.shape)
    width = _MELTED * bond / np.sqrt((moves**2).sum(axis=1).mean())
    while True:
        moved = bare(atoms)
        moved.positions += width * moves
        if closest_distance(moved, bond) > min(_CLOSEST * bond, closest_distance(atoms, bond)) or width < _RATTLE_A:
            return moved
        width *= _LESS
