"""When a walker of molecular dynamics is no longer stable."""

import numpy as np
from matscipy.neighbours import neighbour_list

from al_core.evaluation.walkers import Snapshot

_CLOSEST = 0.6  # bond lengths
_LARGEST_FORCE = 50.0  # eV/Å
_HOTTEST = 3.0  # times the temperature asked for
_LINDEMANN = 0.25  # root mean square distance from the lattice sites, in bond lengths: below melting some 0.1


def failure_of(now: Snapshot, temperature_K: float, bond: float, sites: np.ndarray | None = None) -> str:
    """Return why a walker is not stable, or ''.

    Args:
        now: the walker.
        temperature_K: of its bath.
        bond: distance of nearest neighbours in the crystal, Å.
        sites: of the crystal it must not leave, Å, [n, 3]; None for a liquid.
    """
    largest = float(np.linalg.norm(now.forces, axis=1).max())
    if not largest < _LARGEST_FORCE:
        return f"a force of {largest:.3g} eV/Å"
    if now.temperature_K > _HOTTEST * temperature_K:
        return f"a temperature of {now.temperature_K:.0f} K"
    if sites is not None and (distance := displacement(now, sites)) > _LINDEMANN * bond:
        return f"the lattice is lost: atoms are {distance:.2f} Å from their sites"
    close = neighbour_list("d", now.atoms, _CLOSEST * bond)
    return f"two atoms {close.min():.2f} Å apart" if len(close) else ""


def displacement(now: Snapshot, sites: np.ndarray) -> float:
    """Return the root mean square distance of atoms from their sites, the common motion taken out, Å."""
    moved = now.atoms.positions - sites
    moved -= moved.mean(axis=0)
    return float(np.sqrt((moved**2).sum(axis=1).mean()))
