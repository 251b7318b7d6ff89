"""Looking at structures before anything is computed with them."""

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell
from matscipy.neighbours import neighbour_list

MIN_DISTANCE_A = 0.5
_SEARCH_A = 3.0
_LARGEST_A = 500.0


def bare(atoms: Atoms) -> Atoms:
    """Return a copy with what a label is of, and nothing else: elements, positions, cell and periodicity.

    Constraints, initial moments and charges, velocities, tags and a calculator are left out. A calculator would read
    some of them (forces of fixed atoms are zero in ASE), and none is in the structure's id.
    """
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def closest_distance(atoms: Atoms, within_A: float = _SEARCH_A) -> float:
    """Return the shortest distance between two atoms, images included, Å; ``within_A`` if there is none shorter."""
    distances = neighbour_list("d", boxed(atoms, within_A), within_A)
    return float(distances.min()) if len(distances) else within_A


def boxed(atoms: Atoms, margin_A: float) -> Atoms:
    """Return a bare copy in a cell that neighbour lists can search: invertible, and with every atom inside.

    Cell vectors of periodic directions stay. In every other direction a box, perpendicular to them, holds the atoms
    with ``margin_A`` on each side; the atoms are shifted into it. Energy, forces and the distances between atoms are
    those of the structure; volume and stress are not.

    Args:
        atoms: any structure in which :func:`fault` finds nothing.
        margin_A: at least the cutoff of the neighbour list, Å.
    """
    copy = bare(atoms)
    open_axes = np.flatnonzero(~atoms.pbc)
    cell = atoms.cell.array.copy()
    cell[open_axes] = 0.0
    cell = complete_cell(cell)  # unit vectors, perpendicular to the periodic ones and to each other
    for axis in open_axes:
        along = atoms.positions @ cell[axis]
        copy.positions += (margin_A - along.min()) * cell[axis]
        cell[axis] *= np.ptp(along) + 2 * margin_A
    copy.cell = cell
    return copy


def fault(atoms: Atoms) -> str:
    """Return what makes a structure unusable ('' if nothing).

    That is: no atoms, NaN, atoms closer than 0.5 Å, a periodic direction whose cell vector is missing or depends on the
    others, a cell thinner than 0.5 Å, or more than 500 Å along a side. Of directions that are not periodic the cell may
    say anything.
    """
    if len(atoms) == 0:
        return "has no atoms"
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "has positions or a cell that are not finite"
    if atoms.pbc[atoms.cell.lengths() == 0].any():
        return "is periodic along a direction without a cell vector"
    if np.linalg.matrix_rank(atoms.cell.array[atoms.pbc]) < atoms.pbc.sum():
        return "has cell vectors that lie in one plane or line"
    box = boxed(atoms, _SEARCH_A).cell  # a search for neighbours would take forever in a thin one, or a long one
    thickness = (1 / np.linalg.norm(np.linalg.inv(box.array), axis=0)).min()
    if thickness < MIN_DISTANCE_A:
        return f"has a cell with {thickness:.2g} Å between two faces (at least {MIN_DISTANCE_A} Å expected)"
    if (longest := box.lengths().max()) > _LARGEST_A:
        return f"is {longest:.3g} Å long (at most {_LARGEST_A:g} Å expected)"
    distance = closest_distance(atoms)
    if distance < MIN_DISTANCE_A:
        return f"has two atoms {distance:.2f} Å apart (at least {MIN_DISTANCE_A} Å expected)"
    return ""
