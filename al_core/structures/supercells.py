"""Supercells of every shape that so many primitive cells have."""

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from ase.geometry import minkowski_reduce


def supercell(primitive: Atoms, cells: int, rng: np.random.Generator) -> Atoms:
    """Return a supercell of so many primitive cells, drawn from all there are.

    Its vectors are the shortest of its lattice, so that it is as little skewed as can be. Supercells of n primitive
    cells hold every wave vector of a mesh of n x n x n, each of them few (J. Lloyd-Williams and B. Monserrat,
    doi:10.1103/PhysRevB.92.184301).

    Args:
        primitive: the cell; it is not changed.
        cells: how many of them.
        rng: draws the supercell.
    """
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
