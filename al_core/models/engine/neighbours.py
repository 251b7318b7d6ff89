"""Who is near whom: neighbour lists by matscipy."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell
from matscipy.neighbours import neighbour_list

_WIDE = 5.0  # cutoffs per Å of the structure's size; mace's models have the same cell where nothing is periodic


@dataclass(frozen=True)
class Neighbours:
    """All pairs within a cutoff, each counted from both sides, sorted by their first atom.

    Attributes:
        first, second: indices of the two atoms, [n_pairs].
        images: which periodic image of the second atom is meant, [n_pairs, 3], integers.
        cell: the cell these count in, [3, 3], Å; in directions that are not periodic a wide one.
    """

    first: np.ndarray
    second: np.ndarray
    images: np.ndarray
    cell: np.ndarray

    @property
    def shifts(self) -> np.ndarray:
        """What to add to the positions of the second atoms, [n_pairs, 3], Å."""
        return np.asarray(self.images @ self.cell)


def neighbours(atoms: Atoms, cutoff: float) -> Neighbours:
    """Return the pairs of a structure within a cutoff (Å); an atom is a neighbour of its own images."""
    cell = atoms.cell.array.copy()
    wide = _WIDE * cutoff * (np.abs(atoms.positions).max() + 1)
    cell[~atoms.pbc] = 0.0
    cell[~atoms.pbc] = wide * complete_cell(cell)[~atoms.pbc]  # normal to the periodic vectors
    first, second, images = neighbour_list("ijS", pbc=atoms.pbc, cell=cell, positions=atoms.positions, cutoff=cutoff)
    return Neighbours(first, second, images, cell)


def number_of_edges(atoms: Atoms, cutoff: float) -> int:
    """Return how many pairs of atoms, each counted from both sides, are within the cutoff (Å)."""
    return len(neighbours(atoms, cutoff).first)
