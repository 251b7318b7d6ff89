"""Forces of a committee for molecular dynamics, with how far its members disagree."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from al_core.models.calculator import CommitteeCalculator
from al_core.uncertainty.committee import force_deviation

_TINY = 1e-12


class SpreadForces:
    """Mean energies and forces of a committee, to drive walkers with.

    With a bias the forces also point to where the members' energies differ more (C. van der Oord et al., npj Comput.
    Mater. 9, 168 (2023)): the gradient of their standard deviation, as large as ``bias`` times the mean force in the
    root mean square over a structure's atoms. What they differed by at the first call, E0 among it, is left out.

    Args:
        committee: the models.
        bias: see above; zero for dynamics of the mean potential.

    Attributes:
        deviations: of the last call, for each structure: how far the members disagree about each atom's force, eV/Å,
            [n_atoms].
        stresses: of the last call, mean over the members, eV/Å^3, positive under tension, [n, 3, 3].
    """

    def __init__(self, committee: CommitteeCalculator, bias: float = 0.0) -> None:
        self._committee, self._bias = committee, bias
        self._first: dict[int, np.ndarray] = {}
        self.deviations: list[np.ndarray] = []
        self.stresses = np.zeros((0, 3, 3))

    def __call__(self, structures: Sequence[Atoms]) -> tuple[np.ndarray, np.ndarray]:
        """Return energies, eV, [n], and forces on all atoms, eV/Å, [N, 3]."""
        energies, forces, stresses = self._committee.members(structures)
        ends = np.cumsum([len(atoms) for atoms in structures])[:-1]
        parts = np.split(forces, ends, axis=1)
        self.deviations, self.stresses = [force_deviation(part) for part in parts], stresses.mean(axis=0)
        means = [part.mean(axis=0) for part in parts]
        if self._bias:
            for number, (atoms, part) in enumerate(zip(structures, parts, strict=True)):
                first = self._first.setdefault(id(atoms), energies[:, number].copy())
                means[number] += self._bias * _push(energies[:, number] - first, part)
        return energies.mean(axis=0), np.concatenate(means)


def _push(energies: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """Return the direction in which the standard deviation of energies grows, as large as the mean force.

    Args:
        energies: of the members, eV, [K].
        forces: eV/Å, [K, n_atoms, 3].
    """
    mean = forces.mean(axis=0)
    uphill = -np.tensordot(energies - energies.mean(), forces - mean, axes=1)
    size = float(np.sqrt((uphill**2).mean()))
    return np.asarray(uphill * (np.sqrt((mean**2).mean()) / size)) if size > _TINY else np.zeros_like(mean)
