"""Disagreement of a committee."""

import numpy as np


def force_deviation(forces: np.ndarray) -> np.ndarray:
    """Return each atom's force standard deviation over the committee, eV/Å, [n_atoms].

    The root of the summed variances of the three components, as in dpgen's model deviation (Y. Zhang et al.,
    Comput. Phys. Commun. 253, 107206 (2020), eq. 2).

    Args:
        forces: [K, n_atoms, 3], eV/Å.
    """
    return np.asarray(np.sqrt(np.var(forces, axis=0).sum(axis=-1)))


def structure_uncertainty(forces: np.ndarray) -> float:
    """Return the largest force standard deviation over the atoms of a structure, eV/Å.

    Args:
        forces: [K, n_atoms, 3], eV/Å.
    """
    return float(force_deviation(forces).max())
