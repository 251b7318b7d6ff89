"""The unit and meaning of stresses in a user's file: converted on reading, and refused where they cannot be right.

Graft's stress is ASE's: eV/Å^3, positive under tension, the derivative of the energy with respect to strain over the
volume. A virial is eV and of the other sign, as in extended XYZ files and in GAP's: virial = -stress x volume.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.stress import voigt_6_to_full_3x3_stress

from al_core.types import Label

UNITS = {"eV/A^3": 1.0, "GPa": units.GPa, "kbar": 0.1 * units.GPa}  # in eV/Å^3

_HIGHEST = 1.0  # eV/Å^3, 160 GPa: beyond, it takes energies to believe it
_USUAL = 0.03  # eV/Å^3: the largest component in a set of strained or hot crystals, within a factor of ten
_FRAMES = 100  # to compare, spread over the file
_STRAIN, _NEAR_A = 0.1, 0.5  # frames this near are compared
_PAIRS = 4  # fewer prove nothing
_EXPLAINED = 0.3  # of the squares: what a reading must leave at most to be believed
_ALIKE = 2.0  # readings that leave, or differ by, less than this factor cannot be told apart


@dataclass(frozen=True)
class _Reading:
    """What values in a file could be, and the factor that makes a stress of them, given the volume (Å^3)."""

    name: str
    factor: Callable[[float], float]


_AS_IT_IS = _Reading("stresses in eV/Å^3", lambda volume: 1.0)
_READINGS = (
    _Reading("stresses in GPa", lambda volume: UNITS["GPa"]),
    _Reading("stresses in kbar", lambda volume: UNITS["kbar"]),
    _Reading("virials in eV", lambda volume: -1 / volume),
    _Reading("stresses times volume, in eV", lambda volume: 1 / volume),
    _Reading("stresses of the other sign, positive under compression", lambda volume: -1.0),
    _Reading("stresses in GPa of the other sign", lambda volume: -UNITS["GPa"]),
    _Reading("stresses in kbar of the other sign", lambda volume: -UNITS["kbar"]),
)


def voigt(values: Any) -> np.ndarray:
    """Return six components in Voigt order from six or a 3x3 matrix.

    Raises:
        ValueError: there are not as many.
    """
    array = np.array(values, float)
    if array.size == 9:
        return array.reshape(3, 3)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    if array.shape != (6,):
        raise ValueError(f"stress of shape {array.shape}, expected 6 Voigt components or 3x3")
    return array


def of_virial(virial: Any, atoms: Atoms) -> np.ndarray:
    """Return the stress of a virial (eV): [6], eV/Å^3.

    Raises:
        ValueError: it has not six or 3x3 components, or the structure has no volume.
    """
    if atoms.cell.rank < 3 or not atoms.cell.volume:
        raise ValueError("a virial of a structure without a cell")
    return np.asarray(-voigt(virial) / atoms.cell.volume)


@dataclass(frozen=True)
class _Frame:
    """A structure with its stress, as it was read: scaled positions, eV, Å."""

    numbers: np.ndarray
    cell: np.ndarray
    scaled: np.ndarray
    energy: float
    forces: np.ndarray
    stress: np.ndarray
    volume: float


def doubt(labelled: Sequence[tuple[Atoms, Label]]) -> str:
    """Return what the stresses of labelled structures look like if not stresses in eV/Å^3; '' if they can be right.

    Frames of one composition that are near each other are compared: the difference of their energies is the work of
    forces and stress on the path from one to the other (trapezoidal rule). Stresses are doubted if this work
    contradicts the energies and another unit or sign explains them. In the shipped data sets, the right reading
    leaves 3 to 10 % of the squares of what forces do not explain, all others that can be told from it more than 75 %.
    Frames of one cell, or far from each other, tell nothing of stress; then it is doubted only above 160 GPa.
    """
    frames = _frames(labelled)
    wanted, works = _compare(frames)
    left = {reading: float(((wanted - work) ** 2).sum()) for reading, work in works.items()}
    least = min(left.values())
    if len(wanted) >= _PAIRS and least < _EXPLAINED * float((wanted**2).sum()):
        if left[_AS_IT_IS] < _ALIKE * least:
            return ""
        if least < _EXPLAINED * left[_AS_IT_IS]:
            return "look like " + _named([reading for reading in _READINGS if left[reading] < _ALIKE * least])
    highest = max((float(np.abs(frame.stress).max()) for frame in frames), default=0.0)
    if highest <= _HIGHEST:
        return ""
    return f"reach {highest:.3g} eV/Å^3 ({highest / units.GPa:.0f} GPa); they look like " + _named(_by_size(frames))


def _named(readings: Sequence[_Reading]) -> str:
    return " or ".join(reading.name for reading in readings)


def _by_size(frames: Sequence[_Frame]) -> list[_Reading]:
    """Return the readings that give stresses of a usual size, of those that differ in more than the sign."""
    size = {
        reading: max(float(np.abs(frame.stress * reading.factor(frame.volume)).max()) for frame in frames)
        for reading in _READINGS[:3]
    }
    far = {reading: abs(np.log(largest / _USUAL)) for reading, largest in size.items()}
    return [reading for reading in size if far[reading] < min(far.values()) + np.log(_ALIKE)]


def _frames(labelled: Sequence[tuple[Atoms, Label]]) -> list[_Frame]:
    """Return at most some hundred of the structures that have a volume and a stress, spread over all of them."""
    frames = [
        _Frame(
            atoms.numbers,
            atoms.cell.array,
            atoms.get_scaled_positions(wrap=False),
            label.energy,
            label.forces,
            label.stress,
            atoms.cell.volume,
        )
        for atoms, label in labelled
        if label.stress is not None and atoms.cell.volume > 0
    ]
    return frames[:: -(-len(frames) // _FRAMES) or 1]


def _compare(frames: Sequence[_Frame]) -> tuple[np.ndarray, dict[_Reading, np.ndarray]]:
    """Return what stresses have to explain, and what their work is in each reading, of all near pairs, eV."""
    wanted: list[float] = []
    works: dict[_Reading, list[float]] = {reading: [] for reading in (_AS_IT_IS, *_READINGS)}
    for one, other in combinations(frames, 2):
        if not np.array_equal(one.numbers, other.numbers):
            continue
        cell = (one.cell + other.cell) / 2
        strain = np.linalg.solve(cell, other.cell - one.cell)
        moved = other.scaled - one.scaled
        moved = (moved - np.round(moved)) @ cell
        if np.linalg.norm(strain) > _STRAIN or np.sqrt((moved**2).sum(axis=1).mean()) > _NEAR_A:
            continue
        wanted.append(other.energy - one.energy + float(((one.forces + other.forces) / 2 * moved).sum()))
        volume = abs(float(np.linalg.det(cell)))
        for reading, work in works.items():
            stress = one.stress * reading.factor(one.volume) + other.stress * reading.factor(other.volume)
            work.append(volume * float((voigt_6_to_full_3x3_stress(stress / 2) * strain).sum()))
    return np.array(wanted), {reading: np.array(work) for reading, work in works.items()}
