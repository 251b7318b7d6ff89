"""Structures sampled by a neutral potential: short molecular dynamics of an element's own crystal, diamond or fcc.

The sampler is none of the models under test, so that neither pool nor test set favours one of them. Every structure
has its own strain, velocities and trajectory; nothing is taken twice from one trajectory. Its random numbers are
seeded by the role of the set, the slice's name, the set's seed and its number in the slice, and by nothing else: sets
of two roles share no random numbers, and a slice stays as it is where others are added, reordered or changed.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from ase import Atoms, units
from ase.build import bulk, make_supercell
from ase.calculators.calculator import Calculator
from ase.geometry import minkowski_reduce
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta

from al_core.config.structures import MDStructures, Slice
from al_core.errors import SelectionError
from al_core.storage.hashing import digest
from al_core.structures.checks import bare, closest_distance
from al_core.structures.elements import CRYSTALS

_TIMESTEP_FS = 2.0
_FRICTION_PER_FS = 0.02
_MIN_BOND_SHARE = 0.6  # of the equilibrium bond; closer atoms mean that the trajectory exploded
_ATTEMPTS = 10

Role = Literal["pool", "test", "source", "convergence"]  # what a set of structures is for


def sample(
    config: MDStructures,
    element: str,
    potential: Callable[[str], Calculator],
    role: Role,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Atoms]:
    """Return the structures a config describes, each with its slice in ``info["config_type"]``.

    The same config and role give the same structures. Positions and cells are rounded to 1e-6 Å, so that their ids
    survive being written to a file.

    Args:
        config: slices, lattice scale and seed.
        element: chemical symbol.
        potential: gives the ASE calculator of the neutral potential for an element.
        role: what the structures are for.
        progress: called with (done, total) after each structure.

    Raises:
        SelectionError: the dynamics explode again and again.
    """
    structures: list[Atoms] = []
    total = sum(part.count for part in config.slices)
    for part in config.slices:
        for number in range(part.count):
            rng = _generator(role, part.name, config.seed, number)
            structures.append(sampled(part, element, config.lattice_scale, potential(element), rng))
            progress(len(structures), total)
    return structures


def _generator(role: Role, part: str, seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng(int(digest([role, part, seed, number]), 16))


def prototype(element: str, scale: float = 1.0, repeat: int = 1) -> Atoms:
    """Return the element's perfect cubic cell, repeated along each axis; ``scale`` is of the experimental lattice."""
    crystal = CRYSTALS[element]
    cell = bulk(element, crystal.structure, a=crystal.lattice_constant_A * scale, cubic=True)
    return bare(cell.repeat(repeat))  # ASE gives nickel a magnetic moment to start from


def supercell(element: str, scale: float, cells: int, rng: np.random.Generator) -> Atoms:
    """Return a perfect crystal of so many primitive cells in a supercell drawn from all there are.

    Its vectors are the shortest of its lattice, so that it is as little skewed as can be. Supercells of n primitive
    cells hold every wave vector of a mesh of n x n x n, each of them few (J. Lloyd-Williams and B. Monserrat,
    doi:10.1103/PhysRevB.92.184301).

    Args:
        element: chemical symbol.
        scale: of the experimental lattice constant.
        cells: how many primitive cells.
        rng: draws the supercell.
    """
    crystal = CRYSTALS[element]
    primitive = bare(bulk(element, crystal.structure, a=crystal.lattice_constant_A * scale))
    matrices = _hermite_matrices(cells)
    atoms: Atoms = make_supercell(primitive, matrices[rng.integers(len(matrices))])
    reduced, _ = minkowski_reduce(atoms.cell)
    atoms.set_cell(reduced)
    atoms.wrap()
    return atoms


def _hermite_matrices(determinant: int) -> list[np.ndarray]:
    """Return every Hermite normal form of a determinant: one for each sublattice of so many cells."""
    return [
        np.array([[a, 0, 0], [b, d, 0], [c, e, determinant // (a * d)]])
        for a in range(1, determinant + 1)
        for d in range(1, determinant // a + 1)
        if determinant % a == 0 and determinant // a % d == 0
        for b in range(a)
        for c in range(a)
        for e in range(d)
    ]


def _crystal(part: Slice, element: str, scale: float, rng: np.random.Generator) -> Atoms:
    if part.cells:
        return supercell(element, scale, part.cells, rng)
    return prototype(element, scale, part.repeat)


def crystals_like(config: MDStructures, element: str) -> list[Atoms]:
    """Return a perfect crystal of the size of each structure that will be sampled: what is needed to plan with."""
    found: list[Atoms] = []
    for part in config.slices:
        for number in range(part.count):
            crystal = _crystal(part, element, config.lattice_scale, np.random.default_rng(number))[part.vacancies :]
            if part.vacuum_A:
                crystal.center(vacuum=part.vacuum_A / 2, axis=2)
            found.append(crystal)
    return found


def sampled(part: Slice, element: str, scale: float, calculator: Calculator, rng: np.random.Generator) -> Atoms:
    """Return one structure of a slice; see :func:`sample`. ``scale`` is of the experimental lattice."""
    for _ in range(_ATTEMPTS):
        atoms = _crystal(part, element, scale, rng)
        for _ in range(part.vacancies):
            del atoms[int(rng.integers(len(atoms)))]
        strain = rng.uniform(-part.strain, part.strain, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        if part.vacuum_A:
            atoms.center(vacuum=part.vacuum_A / 2, axis=2)
        atoms.positions += rng.normal(0.0, 0.02, atoms.positions.shape)
        atoms.calc = calculator
        if part.melt_K:
            _dynamics(atoms, part.melt_K, part.steps, rng)
        _dynamics(atoms, part.temperature_K, part.steps, rng)
        frame = Atoms(
            atoms.symbols,
            positions=atoms.positions.round(6),
            cell=atoms.cell.array.round(6),
            pbc=True,
            info={"config_type": part.name, "temperature_K": part.temperature_K},
        )
        if np.isfinite(frame.positions).all() and closest_distance(frame) > _MIN_BOND_SHARE * CRYSTALS[element].bond():
            return frame
    raise SelectionError(
        f"slice {part.name}: the neutral potential's dynamics at {part.temperature_K:g} K exploded {_ATTEMPTS} times; "
        "lower temperature_K or strain"
    )


def _dynamics(atoms: Atoms, temperature_K: float, steps: int, rng: np.random.Generator) -> None:
    """Move the atoms at a temperature, from fresh velocities."""
    # twice the temperature, because half of it goes into the potential energy of a cold lattice
    thermalize_momenta(atoms, 2 * temperature_K, rng=rng)
    Langevin(
        atoms,
        _TIMESTEP_FS * units.fs,
        temperature_K=temperature_K,
        friction=_FRICTION_PER_FS / units.fs,
        fixcm=False,
        rng=rng,
    ).run(steps)
