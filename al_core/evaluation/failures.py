"""When a walker of molecular dynamics is no longer stable."""

import numpy as np

from al_core.evaluation.walkers import Snapshot
from al_core.structures.checks import closest_distance

_CLOSEST = 0.6  # bond lengths
_LARGEST_FORCE = 50.0  # eV/Å
_HOTTEST, _DEVIATIONS = 3.0, 5.0  # times the temperature asked for, and standard deviations of an equilibrium's
_LINDEMANN = 0.25  # root mean square distance from the lattice sites, in bond lengths: below melting some 0.1


def failure_of(now: Snapshot, temperature_K: float, bond: float, sites: np.ndarray | None = None) -> str:
    """Return why a walker is not stable, or ''.

    Args:
        now: the walker.
        temperature_K: of its bath; infinite where the temperature says nothing yet.
        bond: distance of nearest neighbours in the crystal, Å; 0 where none is known.
        sites: of the crystal it must not leave, Å, [n, 3]; None for a liquid.
    """
    largest = float(np.linalg.norm(now.forces, axis=1).max())
    if not largest < _LARGEST_FORCE:
        return f"a force of {largest:.3g} eV/Å"
    deviation = np.sqrt(2 / (3 * max(1, len(now.atoms) - 1)))  # of a few atoms' temperature, over its mean
    if now.temperature_K > (_HOTTEST + _DEVIATIONS * deviation) * temperature_K:
        return f"a temperature of {now.temperature_K:.0f} K"
    if sites is not None and (distance := displacement(now, sites)) > _LINDEMANN * bond:
        return f"the lattice is lost: atoms are {distance:.2f} Å from their sites"
    if bond and (closest := closest_distance(now.atoms, _CLOSEST * bond)) < _CLOSEST * bond:
        return f"two atoms {closest:.2f} Å apart"
    return ""


def displacement(now: Snapshot, sites: np.ndarray) -> float:
    """Return the root mean square distance of atoms from their sites, the common motion taken out, Å."""
    moved = now.atoms.positions - sites
    moved -= moved.mean(axis=0)
    return float(np.sqrt((moved**2).sum(axis=1).mean()))
