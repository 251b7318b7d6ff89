"""Energies, forces and stresses that a committee predicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import alike, stack

_ATOMS_PER_BATCH = 256


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
    for members in alike(committee):
        models = stack([committee[member] for member in members], dtype, device)
        for indices in _batches(structures):
            batch = models.network.join(models.network.prepare([structures[index] for index in indices]))
            with torch.no_grad():
                predicted = models.network(models.weights, batch)
            sizes = [len(structures[index]) for index in indices]
            of_atoms = models.energies_of_atoms([structures[index] for index in indices])
            energies[np.ix_(indices, members)] = (predicted.energies.double().cpu().numpy() + of_atoms).T
            for index, part in zip(indices, predicted.forces.cpu().split(sizes, dim=1), strict=True):
                forces[index][members] = part.numpy()
            # ASE's function returns the axes before the last two reversed
            stresses[np.ix_(indices, members)] = full_3x3_to_voigt_6_stress(predicted.stresses.cpu().numpy())
    stresses[[not atoms.pbc.all() for atoms in structures]] = np.nan
    return Predictions(energies, forces, stresses)


def _batches(structures: Sequence[Atoms]) -> Iterator[list[int]]:
    batch: list[int] = []
    atoms = 0
    for index, structure in enumerate(structures):
        if batch and atoms + len(structure) > _ATOMS_PER_BATCH:
            yield batch
            batch, atoms = [], 0
        batch.append(index)
        atoms += len(structure)
    if batch:
        yield batch
