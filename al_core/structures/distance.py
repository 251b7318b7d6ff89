"""How far structures are from each other, and which test structures are copies of pool structures.

The distance of two structures, Å, is that of the atoms and that of the cells together: sqrt(u^2 + s^2). Both are
mapped into the mean of their cells; u is the root mean square displacement of an atom there, nearest images, the drift
of the whole taken out. s is how far the strain between the cells moves a neighbour, root mean square over directions:
the Frobenius norm of the strain times the spacing of atoms (cube root of the volume of one) over sqrt(3). Atoms are
matched in the order they are listed in or, where that is not the same, by least squares; a structure that was both
reordered and shifted is not recognised. Only structures of one composition, periodic in all directions, are compared,
with cells strained against each other by less than 0.15; the distance of all others is infinite.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.optimize import linear_sum_assignment

_STRAIN = 0.15
_REORDERED_A = 0.5  # atoms listed in the same order are nearer, root mean square, in any crystal
_PROBES, _PROBE_A = 8, 0.3  # atoms that must be near some atom of the other structure before all are matched
_SAME_A = 1e-3
_COPY_A = 0.08
_COPY_SHARE = 0.6


@dataclass(frozen=True)
class Copy:
    """A test structure that is a pool structure up to small displacements.

    Attributes:
        pool, test: numbers of the two structures in their sets.
        distance_A: how far they are from each other.
    """

    pool: int
    test: int
    distance_A: float


def distances(one: Sequence[Atoms], other: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Return displacement u and distance of all pairs, both [len(one), len(other)], Å."""
    displaced = np.full((len(one), len(other)), np.inf)
    apart = displaced.copy()
    groups, others = _by_composition(one), _by_composition(other)
    for composition in groups.keys() & others.keys():
        rows, columns = groups[composition], others[composition]
        cells, scaled = _arrays([other[column] for column in columns])
        for row in rows:
            (cell,), (positions,) = _arrays([one[row]])
            u, s = _from_one(cell, positions, cells, scaled, np.array(composition))
            displaced[row, columns], apart[row, columns] = u, np.hypot(u, s)
    return displaced, apart


def copies(pool: Sequence[Atoms], test: Sequence[Atoms]) -> list[Copy]:
    """Return the pairs of pool and test that are copies of each other, the nearest first.

    Two structures are copies if they are less than 0.001 Å apart, or less than 0.08 Å and their displacement is less
    than 0.6 of that between either of them and any other structure of pool or test. The second rule compares with what
    is usual in these sets, because no fixed distance fits both cold and hot crystals. It does not judge sets whose own
    structures lie as near to each other, such as frames of one trajectory, nor a pair without any other to compare
    with.

    Measured on pools and test sets of 24 cells of 8 atoms (and 8 of 64) of Ge and Cu, sampled at 10 to 900 K. Of pairs
    with random numbers of their own, the displacement is at least 0.65 of the nearest other one. Pairs that share
    them, at two temperatures, are 0.01 to 0.1 Å apart; of two such sets the nearest pair has 0.12 to 0.52. Of honest
    data, the nearest pair has 0.83 and is 0.080 Å apart in the shipped ``ge-pool-pbe`` and ``ge-test-pbe``, 0.94 in
    the training and test set of mlearn's Si, 0.97 in three holdouts of its Ge. (Its strained perfect crystals are 0.03
    Å apart, undisplaced.)
    """
    displaced, apart = distances(pool, test)
    near = np.argwhere(apart < _COPY_A)
    if not len(near):
        return []
    in_pool, in_test = _others(distances(pool, pool)[0]), _others(distances(test, test)[0])
    found = []
    for row, column in near:
        usual = min(
            in_pool[row].min(),
            in_test[column].min(),
            np.delete(displaced[row], column).min(initial=np.inf),
            np.delete(displaced[:, column], row).min(initial=np.inf),
        )
        judged = _SAME_A < usual < np.inf  # not among perfect crystals, and not a pair alone
        if apart[row, column] < _SAME_A or (judged and displaced[row, column] < _COPY_SHARE * usual):
            found.append(Copy(int(row), int(column), float(apart[row, column])))
    return sorted(found, key=lambda pair: pair.distance_A)


def _others(displaced: np.ndarray) -> np.ndarray:
    """Return displacements within one set without those of a structure to itself."""
    return displaced + np.diag(np.full(len(displaced), np.inf))


def _by_composition(structures: Sequence[Atoms]) -> dict[tuple[int, ...], list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, atoms in enumerate(structures):
        if atoms.pbc.all():
            groups.setdefault(tuple(sorted(atoms.numbers)), []).append(number)
    return groups


def _arrays(structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
    """Return cells [n, 3, 3], Å, and scaled positions [n, n_atoms, 3], atoms sorted by element."""
    cells = np.array([atoms.cell.array for atoms in structures])
    ordered = [atoms.positions[np.argsort(atoms.numbers, kind="stable")] for atoms in structures]
    return cells, np.array(ordered) @ np.linalg.inv(cells)


def _from_one(
    cell: np.ndarray, scaled: np.ndarray, cells: np.ndarray, others: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return u and s of one structure and several, [n] each, Å."""
    stretches = np.linalg.svd(np.linalg.solve(cells, cell), compute_uv=False)
    strain = np.linalg.norm(stretches - 1, axis=1)
    mean = np.linalg.cholesky((cells @ cells.transpose(0, 2, 1) + cell @ cell.T) / 2)  # of their metrics: no rotation
    spacing = np.cbrt(np.abs(np.linalg.det(mean)) / len(scaled))
    u = _root_mean_square(_without_drift(others - scaled), mean)
    for number in np.flatnonzero((u > _REORDERED_A) & (strain < _STRAIN)):
        u[number] = min(u[number], _matched(scaled, others[number], mean[number], numbers))
    u[strain >= _STRAIN] = np.inf
    return u, strain * spacing / np.sqrt(3)


def _without_drift(moved: np.ndarray) -> np.ndarray:
    """Return scaled displacements [..., n_atoms, 3], each to the nearest image, of mean zero."""
    moved = moved - moved[..., :1, :]
    for _ in range(3):  # taking out the drift can bring another image nearer
        moved = moved - np.round(moved)
        moved = moved - moved.mean(axis=-2, keepdims=True)
    return moved


def _root_mean_square(moved: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the root mean square over atoms of scaled displacements [..., n_atoms, 3], Å."""
    return np.asarray(np.sqrt(((moved @ cell) ** 2).sum(axis=-1).mean(axis=-1)))


def _matched(one: np.ndarray, other: np.ndarray, cell: np.ndarray, numbers: np.ndarray) -> float:
    """Return the displacement of two structures, scaled positions [n_atoms, 3], in the best order of their atoms, Å."""
    if np.sqrt(_squares(one[:_PROBES], other, cell).min(axis=1).mean()) > _PROBE_A:
        return np.inf
    rows, columns = linear_sum_assignment(_squares(one, other, cell) + 1e6 * (numbers != numbers[:, None]))
    return float(_root_mean_square(_without_drift(other[columns] - one[rows]), cell))


def _squares(one: np.ndarray, other: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the squared distances of all atoms of two structures, nearest images, Å^2."""
    apart = other - one[:, None]
    return np.asarray((((apart - np.round(apart)) @ cell) ** 2).sum(axis=-1))
