"""Energies, forces and stresses that a committee predicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.models.bundle import Bundle
from al_core.models.engine.evaluate import evaluate
from al_core.models.engine.stack import alike, stack


@dataclass(frozen=True)
class Predictions:
    """A committee's predictions; one entry of each list a structure.

    Attributes:
        energies: [n_structures, K], total, eV.
        forces: list of [K, n_atoms, 3], eV/Å.
        stresses: [n_structures, K, 6] in Voigt order xx, yy, zz, yz, xz, xy, eV/Å^3, positive under tension; not a
            number where a structure is not periodic in all directions.
    """

    energies: np.ndarray
    forces: list[np.ndarray]
    stresses: np.ndarray


def predict(
    committee: Sequence[Bundle],
    structures: Sequence[Atoms],
    device: torch.device,
    dtype: torch.dtype = torch.float64,
) -> Predictions:
    """Return energies, forces and stresses of every committee member for every structure."""
    energies = np.empty((len(structures), len(committee)))
    forces = [np.empty((len(committee), len(atoms), 3)) for atoms in structures]
    stresses = np.empty((len(structures), len(committee), 6))
    ends = np.cumsum([len(atoms) for atoms in structures])[:-1]
    for members in alike(committee):
        models = stack([committee[member] for member in members], dtype, device)
        energy, force, stress = evaluate(models, structures)
        energies[:, members] = energy.T
        for index, part in enumerate(np.split(force, ends, axis=1)):
            forces[index][members] = part
        # ASE's function returns the axes before the last two reversed
        stresses[:, members] = full_3x3_to_voigt_6_stress(stress)
    stresses[[not atoms.pbc.all() for atoms in structures]] = np.nan
    return Predictions(energies, forces, stresses)
