"""Structures that are the same but for the frame they are written in, so that one label serves all of them.

Two periodic structures are equivalent if a rotation or mirror, a translation and another order of the atoms turn one,
repeated if need be, into the other. Energies per atom are then the same, forces and stress turn along.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from matscipy.neighbours import neighbour_list

from al_core.types import Label

TOLERANCE_A = 1e-4  # the largest displacement: some 1 meV/Å of a force
_REACH_A = 5.0
_VOLUME, _PACKING = 1e-3, 2e-3  # how far the marks of equivalent structures may be apart


@dataclass(frozen=True)
class Mark:
    """Numbers that are the same for equivalent structures, to find the few that are worth a look.

    Attributes:
        formula: reduced, such as ``Ge`` or ``GeSi2``.
        volume: of an atom, Å^3.
        packing: a sum over the neighbours of an atom, smooth in their distances, mean over atoms.
    """

    formula: str
    volume: float
    packing: float

    def columns(self) -> dict[str, Any]:
        """Return its columns in an ASE data base."""
        return {"composition": self.formula, "atom_volume": self.volume, "packing": self.packing}

    def around(self) -> dict[str, tuple[float, float]]:
        """Return the least and largest value of the number columns of equivalent structures."""
        return {
            "atom_volume": (self.volume - _VOLUME, self.volume + _VOLUME),
            "packing": (self.packing - _PACKING, self.packing + _PACKING),
        }


def mark(atoms: Atoms) -> Mark | None:
    """Return the mark of a structure, or None if it is not periodic in all directions."""
    if not atoms.pbc.all():
        return None
    packing = float(_packings(atoms).mean())
    counts = atoms.symbols.formula.count()
    divisor = math.gcd(*counts.values())
    formula = "".join(f"{symbol}{count // divisor}" for symbol, count in sorted(counts.items()))
    return Mark(formula, float(atoms.cell.volume) / len(atoms), packing)


def _packings(atoms: Atoms) -> np.ndarray:
    """Return for each atom a sum over its neighbours, smooth in their distances, [n]."""
    centers, distances = neighbour_list("id", atoms, _REACH_A)
    return np.bincount(centers, (1 - (distances / _REACH_A) ** 2) ** 3, len(atoms))


def packings(atoms: Atoms) -> np.ndarray:
    """Return how densely each atom is surrounded, in increasing order, [n]: the same for equivalent structures."""
    return np.sort(_packings(atoms))


def may_be_equivalent(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell by their packings whether two structures are worth a look. It finds most that are not, in microseconds."""
    larger, smaller = sorted((one, other), key=len, reverse=True)
    times, rest = divmod(len(larger), len(smaller))
    return not rest and bool(np.abs(larger - np.repeat(smaller, times)).max() <= _PACKING)


def are_equivalent(known: Atoms, atoms: Atoms) -> bool:
    """Return whether two structures, periodic in all directions, are equivalent."""
    return _match(*sorted((known, atoms), key=len, reverse=True)) is not None


def carried_over(label: Label, known: Atoms, atoms: Atoms) -> Label | None:
    """Return the label of a structure from that of an equivalent one, or None if they are not equivalent.

    Args:
        label: of ``known``.
        known, atoms: periodic in all directions; either may be the larger one.
    """
    if len(atoms) >= len(known):
        match = _match(atoms, known)
        if match is None:
            return None
        forces, turn = label.forces[match.images], match.turn
    else:
        match = _match(known, atoms)
        if match is None:
            return None
        forces, turn = np.zeros((len(atoms), 3)), match.turn.T
        np.add.at(forces, match.images, label.forces)
        forces /= len(known) // len(atoms)
    stress = label.stress
    if stress is not None:
        stress = full_3x3_to_voigt_6_stress(turn.T @ voigt_6_to_full_3x3_stress(stress) @ turn)
    energy = label.energy * (len(atoms) / len(known))
    return replace(label, energy=energy, forces=forces @ turn, stress=stress)


@dataclass(frozen=True)
class _Match:
    """How a smaller structure becomes a larger one.

    Attributes:
        images: for each atom of the larger one the atom of the smaller one it is an image of, [n].
        turn: rotation or mirror, [3, 3]; row vectors of the smaller one times it are those of the larger one.
    """

    images: np.ndarray
    turn: np.ndarray


def _match(larger: Atoms, smaller: Atoms) -> _Match | None:
    if not may_be_equivalent(packings(larger), packings(smaller)):
        return None
    from pymatgen.analysis.structure_matcher import StructureMatcher  # slow to import, and seldom needed

    matcher: Any = StructureMatcher(
        ltol=1e-4, stol=1e-3, angle_tol=0.05, primitive_cell=False, scale=False, attempt_supercell=True
    )
    one, other = _as_pymatgen(larger), _as_pymatgen(smaller)
    if matcher.get_transformation(one, other) is None:
        return None
    like = matcher.get_s2_like_s1(one, other)
    turn = np.linalg.solve(like.lattice.matrix, one.lattice.matrix)
    displaced = np.array([site.frac_coords for site in like]) - one.frac_coords
    displaced = (displaced - displaced[0] + 0.5) % 1.0 - 0.5
    displaced = (displaced - displaced.mean(axis=0)) @ one.lattice.matrix
    apart = np.linalg.norm(displaced, axis=1).max()
    bent = np.abs(like.lattice.matrix @ _nearest_rotation(turn) - one.lattice.matrix).max()
    if max(apart, bent) > TOLERANCE_A:
        return None
    return _Match(np.array([site.properties["index"] for site in like]), _nearest_rotation(turn))


def _as_pymatgen(atoms: Atoms) -> Any:
    from pymatgen.core.structure import Structure

    indices = {"index": list(range(len(atoms)))}
    return Structure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions(), site_properties=indices
    )


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
