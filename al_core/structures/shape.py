"""What structures look like, as numbers: how far neighbours are and which angles they span. It needs no model."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from al_core.structures.checks import boxed
from al_core.structures.shells import bond_length

_REACH = 2.2  # bonds, of distances
_NEAR = 1.35  # bonds, of neighbours that span angles
_DISTANCES = 16  # points of the histogram
_ANGLES = 12
_FALLBACK_A = 2.5  # where no structure has neighbours


def shape_features(structures: Sequence[Atoms]) -> np.ndarray:
    """Return features of structures by which like ones are near each other, [n_structures, 56].

    Of every atom, the square roots of two smooth histograms: of the distances to atoms within 2.2 bonds, and of the
    cosines of the angles between neighbours within 1.35 bonds. Of a structure, the mean over atoms and the standard
    deviation of each. A bond is the median distance of nearest neighbours over all structures
    (:func:`al_core.structures.shells.bond_length`). Features do not change under rotations, translations, or
    repetition of the cell.

    Args:
        structures: of one element, at least one; periodic or not.
    """
    bond = bond_length(structures) or _FALLBACK_A
    found = []
    for atoms in structures:
        each = _of_atoms(atoms, bond)
        found.append(np.concatenate([each.mean(axis=0), each.std(axis=0)]))
    return np.array(found)


def _of_atoms(atoms: Atoms, bond: float) -> np.ndarray:
    """Return the histograms of each atom, [n_atoms, 28]."""
    first, vectors = neighbour_list("iD", boxed(atoms, _REACH * bond), _REACH * bond)
    lengths = np.linalg.norm(vectors, axis=1)
    cut = np.cos(np.pi / 2 * lengths / (_REACH * bond)) ** 2  # so that nothing jumps where an atom comes into reach
    distances = np.zeros((len(atoms), _DISTANCES))
    np.add.at(distances, first, cut[:, None] * _smooth(lengths / bond, 0.7, _REACH, _DISTANCES))
    near = lengths < _NEAR * bond
    owners, units = first[near], vectors[near] / lengths[near, None]
    angles = np.zeros((len(atoms), _ANGLES))
    if len(owners):
        one, other = np.nonzero(owners[:, None] == owners[None, :])
        once = one < other
        cosines = (units[one[once]] * units[other[once]]).sum(axis=1)
        np.add.at(angles, owners[one[once]], _smooth(cosines, -1.0, 1.0, _ANGLES) / 3)
    # roots, so that crowded atoms do not outweigh all else
    return np.asarray(np.sqrt(np.concatenate([distances, angles], axis=1)))


def _smooth(values: np.ndarray, low: float, high: float, points: int) -> np.ndarray:
    """Return Gaussians around values at the points of a histogram, as wide as these are apart, [n, points]."""
    grid, step = np.linspace(low, high, points, retstep=True)
    return np.asarray(np.exp(-0.5 * ((values[:, None] - grid) / step) ** 2))
