"""What trajectories of molecular dynamics are summed up by: distributions, displacements and vibrations."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from matscipy.neighbours import first_neighbours, neighbour_list, triplet_list
from scipy.signal import welch

_DISTANCES_A = np.linspace(0, 6, 121)  # edges of the bins
_ANGLES = np.linspace(0, 180, 91)  # edges of the bins, degrees
_LAGS = 100  # times that displacements are averaged for
_DIFFUSIVE = (0.2, 0.5)  # of the longest lag: between them displacements are diffusive and well averaged
_SEGMENT_PS = 2.0  # of the spectrum: its resolution is one over it


def radial_distribution(frames: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Return distances, Å, [n], and the radial distribution function there, 1 for an ideal gas, [n].

    Pairs of an atom with a periodic image count like others. Beyond half the edge of a cell they are not independent.
    """
    widths = np.diff(_DISTANCES_A**3) * 4 * np.pi / 3
    found = np.zeros(len(_DISTANCES_A) - 1)
    for atoms in frames:
        counts = np.histogram(neighbour_list("d", atoms, _DISTANCES_A[-1]), _DISTANCES_A)[0]
        found += counts * atoms.get_volume() / (len(atoms) ** 2 * widths)
    return (_DISTANCES_A[:-1] + _DISTANCES_A[1:]) / 2, found / len(frames)


def coordination(frames: Sequence[Atoms], cutoff_A: float) -> float:
    """Return the mean number of neighbours within a distance."""
    return float(np.mean([len(neighbour_list("i", atoms, cutoff_A)) / len(atoms) for atoms in frames]))


def bond_angles(frames: Sequence[Atoms], cutoff_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Return angles, degrees, [n], and how often two neighbours within a distance are seen under them, per degree, [n].

    The integral is one; where no atom has two neighbours it is zero.
    """
    counts = np.zeros(len(_ANGLES) - 1)
    for atoms in frames:
        center, vectors = neighbour_list("iD", atoms, cutoff_A)
        first, second = triplet_list(first_neighbours(len(atoms), center))
        units = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        cosines = np.clip((units[first] * units[second]).sum(axis=1), -1, 1)
        counts += np.histogram(np.degrees(np.arccos(cosines)), _ANGLES)[0]
    density = counts / max(1.0, counts.sum()) / (_ANGLES[1] - _ANGLES[0])
    return (_ANGLES[:-1] + _ANGLES[1:]) / 2, density


def mean_square_displacement(positions: np.ndarray, interval_ps: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times up to half of the trajectory, ps, [n], and the mean square displacement in them, Å^2, [n].

    Means are over atoms and over all origins of time.

    Args:
        positions: of all atoms at equal intervals, not wrapped into the cell, Å, [times, atoms, 3].
        interval_ps: between them.
    """
    lags = np.unique(np.linspace(0, len(positions) // 2, _LAGS + 1).astype(int))
    squares = [((positions[lag:] - positions[: len(positions) - lag]) ** 2).sum(axis=2).mean() for lag in lags]
    return lags * interval_ps, np.array(squares)


def diffusion_coefficient(time_ps: np.ndarray, msd_A2: np.ndarray) -> float:
    """Return the self-diffusion coefficient, Å^2/ps: a sixth of the slope of the mean square displacement (Einstein).

    The slope is that between 20 and 50 % of the longest time. Before, atoms move freely or in the cage of their
    neighbours; after, there are few origins to average over.
    """
    first, last = (part * time_ps[-1] for part in _DIFFUSIVE)
    fitted = (time_ps >= first) & (time_ps <= last)
    return float(np.polyfit(time_ps[fitted], msd_A2[fitted], 1)[0] / 6)


def vibrational_density(
    velocities: np.ndarray, interval_ps: float, masses: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies, THz, [n], and the vibrational density of states there, of integral one, [n].

    It is the spectrum of the velocities' autocorrelation, which is that of the velocities themselves (Wiener and
    Khinchin), as the mean over segments of 2 ps (Welch). Atoms count by their mass, so that all modes count the same.

    Args:
        velocities: of all atoms at equal intervals, in any unit, [times, atoms, 3].
        interval_ps: between them.
        masses: of the atoms, in any unit, [atoms].
    """
    frequency, power = welch(
        (velocities * np.sqrt(masses)[:, None]).reshape(len(velocities), -1),
        fs=1 / interval_ps,
        nperseg=min(len(velocities), round(_SEGMENT_PS / interval_ps)),
        detrend=False,
        axis=0,
    )
    density = power.mean(axis=1)
    return frequency, density / np.trapezoid(density, frequency)
