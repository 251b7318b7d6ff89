"""Looking at structures before anything is computed with them."""

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

MIN_DISTANCE_A = 0.5
_SEARCH_A = 3.0


def closest_distance(atoms: Atoms) -> float:
    """Return the shortest distance between two atoms, images included, Å; 3 Å if there is none shorter."""
    distances = neighbour_list("d", _in_a_box(atoms), _SEARCH_A)
    return float(distances.min()) if len(distances) else _SEARCH_A


def _in_a_box(atoms: Atoms) -> Atoms:
    """Return a copy with a cell along the directions without one, which matscipy's neighbour search needs."""
    copy = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    if copy.cell.rank < 3:
        copy.center(vacuum=_SEARCH_A, axis=tuple(np.flatnonzero(copy.cell.lengths() == 0)))
    return copy


def fault(atoms: Atoms) -> str:
    """Return what makes a structure unusable ('' if nothing): NaN, no atoms, a flat cell, atoms closer than 0.5 Å."""
    if len(atoms) == 0:
        return "has no atoms"
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "has positions or a cell that are not finite"
    if atoms.pbc.any() and atoms.cell.rank < 3 and atoms.pbc[atoms.cell.lengths() == 0].any():
        return "is periodic along a direction without a cell vector"
    if np.linalg.matrix_rank(atoms.cell.array) < atoms.cell.rank:  # ASE's rank only counts the vectors
        return "has cell vectors that lie in one plane or line"
    distance = closest_distance(atoms)
    if distance < MIN_DISTANCE_A:
        return f"has two atoms {distance:.2f} Å apart (at least {MIN_DISTANCE_A} Å expected)"
    return ""
