"""Structures sampled by a neutral potential: short molecular dynamics of an element's own crystal, diamond or fcc.

The sampler is none of the models under test, so that neither pool nor test set favours one of them. Every structure
has its own strain, velocities and trajectory; nothing is taken twice from one trajectory.
"""

from collections.abc import Callable

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta

from al_core.config.structures import MDStructures, Slice
from al_core.errors import SelectionError
from al_core.structures.checks import bare, closest_distance
from al_core.structures.elements import CRYSTALS
from al_core.structures.seeding import Role, generator
from al_core.structures.supercells import supercell

_TIMESTEP_FS = 2.0
_FRICTION_PER_FS = 0.02
_MIN_BOND_SHARE = 0.6  # of the equilibrium bond; closer atoms mean that the trajectory exploded
_ATTEMPTS = 10


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
            rng = generator(role, part.name, config.seed, number)
            structures.append(sampled(part, element, config.lattice_scale, potential(element), rng))
            progress(len(structures), total)
    return structures


def prototype(element: str, scale: float = 1.0, repeat: int = 1) -> Atoms:
    """Return the element's perfect cubic cell, repeated along each axis; ``scale`` is of the experimental lattice."""
    crystal = CRYSTALS[element]
    cell = bulk(element, crystal.structure, a=crystal.lattice_constant_A * scale, cubic=True)
    return bare(cell.repeat(repeat))  # ASE gives nickel a magnetic moment to start from


def primitive(element: str, scale: float = 1.0) -> Atoms:
    """Return the element's perfect primitive cell; ``scale`` is of the experimental lattice."""
    crystal = CRYSTALS[element]
    return bare(bulk(element, crystal.structure, a=crystal.lattice_constant_A * scale))


def _crystal(part: Slice, element: str, scale: float, rng: np.random.Generator) -> Atoms:
    if part.cells:
        return supercell(primitive(element, scale), part.cells, rng)
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
