"""How far apart the atoms of structures stand, before anything is calculated."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from al_core.structures.checks import boxed

_NEIGHBOURS = 4  # of an atom; the nearest alone says more of the temperature
_STRUCTURES = 64  # of many, taken evenly
_CUTOFFS_A = (3.5, 5.0, 8.0)


def bond_length(structures: Sequence[Atoms]) -> float | None:
    """Return the distance of nearest neighbours in structures of one kind, Å.

    It is the mean distance of an atom from its four nearest neighbours, and of that the median over structures: a few
    surfaces, melts or strained cells among crystals do not matter. At most 64 structures are looked at.

    Args:
        structures: of one element, in an order that does not change.

    Returns:
        None if no structure has four atoms around each within 8 Å.
    """
    some = [structures[i] for i in np.linspace(0, len(structures) - 1, min(len(structures), _STRUCTURES)).astype(int)]
    found = [distance for atoms in some if (distance := _mean_distance(atoms)) is not None]
    return float(np.median(found)) if found else None


def _mean_distance(atoms: Atoms) -> float | None:
    for cutoff in _CUTOFFS_A:
        first, distances = neighbour_list("id", boxed(atoms, cutoff), cutoff)
        counts = np.bincount(first, minlength=len(atoms))
        if len(atoms) and counts.min() >= _NEIGHBOURS:
            order = np.lexsort((distances, first))
            rank = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
            return float(distances[order][rank < _NEIGHBOURS].mean())
    return None
