"""A committee of springs: what explores, without a network."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator

from al_core.evaluation.walkers import batched
from al_core.models.calculator import CommitteeCalculator


class Springs:
    """Members that hold each atom where in its cell it was first seen, each as stiff as it is.

    Args:
        stiffness: of each member, eV/Å^2; negative ones push.
        offsets: of the members' energies, eV/atom.
        pull: a constant force of each member on every atom along x, eV/Å.
        modulus_GPa: bulk modulus, around the volume that was first seen.
    """

    def __init__(
        self,
        stiffness: Sequence[float],
        offsets: Sequence[float] = (),
        pull: Sequence[float] = (),
        modulus_GPa: float = 0.0,
    ) -> None:
        self._stiffness, self._modulus = np.array(stiffness), modulus_GPa * units.GPa
        self._offsets = np.array(offsets or np.zeros(len(stiffness)))
        self._pull = np.array(pull or np.zeros(len(stiffness)))
        self._first: dict[int, tuple[Atoms, np.ndarray, float]] = {}

    def members(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        energies, forces, stresses = [], [], []
        for atoms in structures:
            first = (atoms, np.linalg.solve(atoms.cell.array.T, atoms.positions.T).T, float(atoms.get_volume()))
            _, sites, volume = self._first.setdefault(id(atoms), first)
            moved = atoms.positions - sites @ atoms.cell.array
            half = 0.5 * self._stiffness * (moved**2).sum()
            energies.append(half - self._pull * moved[:, 0].sum() + self._offsets * len(atoms))
            force = -self._stiffness[:, None, None] * moved
            force[:, :, 0] += self._pull[:, None]
            forces.append(force)
            stress = self._modulus * (atoms.get_volume() / volume - 1)
            stresses.append(np.broadcast_to(stress * np.eye(3), (len(self._stiffness), 3, 3)))
        return np.array(energies).T, np.concatenate(forces, axis=1), np.stack(stresses, axis=1)


class Agreed:
    """Two members that are the same potential."""

    def __init__(self, potential: Calculator) -> None:
        self._forces = batched(potential)

    def members(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        energies, forces = self._forces(structures)
        return np.stack([energies] * 2), np.stack([forces] * 2), np.zeros((2, len(structures), 3, 3))


def agreed(potential: Calculator) -> CommitteeCalculator:
    """Return a potential in the place of a committee that knows everything."""
    return cast(CommitteeCalculator, Agreed(potential))


def committee(*arguments: Any, **named: Any) -> CommitteeCalculator:
    """Return springs in the place of a committee."""
    return cast(CommitteeCalculator, Springs(*arguments, **named))
