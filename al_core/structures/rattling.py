"""Any crystal's structures without a potential: strained cells whose atoms are displaced at random."""

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal as of_spacegroup

from al_core.config.structures import CrystalCell, RattledSlice, RattledStructures
from al_core.errors import ConfigError, SelectionError
from al_core.structures.checks import bare, closest_distance
from al_core.structures.datasets import read_structures
from al_core.structures.seeding import Role, generator
from al_core.structures.supercells import supercell

_MIN_BOND_SHARE = 0.6  # of the crystal's shortest distance; closer atoms would teach the core's repulsion only
_ATTEMPTS = 10


def conventional(cell: CrystalCell, elements: Sequence[str]) -> Atoms:
    """Return the conventional cell of a crystal, or the structure of its file.

    Args:
        cell: the settings.
        elements: chemical symbols; of a prototype they stand on its sites in this order.

    Raises:
        ConfigError: ASE cannot build or read it, or it has other elements.
    """
    return _built(cell, elements, cubic=True)


def primitive(cell: CrystalCell, elements: Sequence[str]) -> Atoms:
    """Return the primitive cell of a prototype, or the structure of the file; see :func:`conventional`."""
    return _built(cell, elements, cubic=False)


def _built(cell: CrystalCell, elements: Sequence[str], cubic: bool) -> Atoms:
    atoms = read_structures(cell.path)[0] if cell.path else _prototype(cell, elements, cubic)
    if others := set(atoms.get_chemical_symbols()) - set(elements):
        raise ConfigError(
            f"the crystal has {', '.join(sorted(others))}, expected {', '.join(elements)} only; give formula, or the "
            "elements in the order of its sites"
        )
    return bare(atoms)


def _prototype(cell: CrystalCell, elements: Sequence[str], cubic: bool) -> Atoms:
    formula = cell.formula or "".join(elements)
    try:
        if cell.prototype == "perovskite":
            sites = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)]
            symbols = Atoms(formula).symbols if cell.formula else elements
            return of_spacegroup(list(dict.fromkeys(symbols)), sites, spacegroup=221, cellpar=[cell.a] * 3 + [90] * 3)
        can_be_cubic = cell.prototype not in ("hcp", "wurtzite", "cesiumchloride", "sc")
        return bulk(formula, cell.prototype, a=cell.a, c=cell.c, cubic=cubic and can_be_cubic)
    except (AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(f"ASE makes no {cell.prototype} of {formula}: {error}") from error


def rattle(
    config: RattledStructures,
    elements: Sequence[str],
    role: Role,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Atoms]:
    """Return the structures a config describes, each with its slice in ``info["config_type"]``.

    The same config, elements and role give the same structures. Positions and cells are rounded to 1e-6 Å, so that
    their ids survive being written to a file.

    Args:
        config: crystal, slices and seed.
        elements: chemical symbols.
        role: what the structures are for.
        progress: called with (done, total) after each structure.

    Raises:
        ConfigError: the crystal cannot be made.
        SelectionError: atoms come too close again and again.
    """
    structures: list[Atoms] = []
    total = sum(part.count for part in config.slices)
    for part in config.slices:
        for number in range(part.count):
            structures.append(_rattled(part, config.crystal, elements, generator(role, part.name, config.seed, number)))
            progress(len(structures), total)
    return structures


def perfect(part: RattledSlice, cell: CrystalCell, elements: Sequence[str], rng: np.random.Generator) -> Atoms:
    """Return the crystal that a structure of a slice is made of."""
    if part.cells:
        return supercell(primitive(cell, elements), part.cells, rng)
    repeated: Atoms = conventional(cell, elements).repeat(part.repeat)
    return repeated


def _rattled(part: RattledSlice, cell: CrystalCell, elements: Sequence[str], rng: np.random.Generator) -> Atoms:
    for _ in range(_ATTEMPTS):
        atoms = perfect(part, cell, elements, rng)
        closest = closest_distance(atoms)
        for _ in range(part.vacancies):
            del atoms[int(rng.integers(len(atoms)))]
        strain = rng.uniform(-part.strain, part.strain, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        atoms.positions += rng.normal(0.0, part.rattle_A, atoms.positions.shape)
        frame = Atoms(
            atoms.symbols,
            positions=atoms.positions.round(6),
            cell=atoms.cell.array.round(6),
            pbc=True,
            info={"config_type": part.name},
        )
        if closest_distance(frame) > _MIN_BOND_SHARE * closest:
            return frame
    raise SelectionError(
        f"slice {part.name}: atoms came closer than {_MIN_BOND_SHARE:g} of a bond in {_ATTEMPTS} attempts; "
        "lower rattle_A or strain"
    )
