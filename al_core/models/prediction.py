"""Energies and forces that a committee predicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import alike, stack

_ATOMS_PER_BATCH = 256


@dataclass(frozen=True)
class Predictions:
    """A committee's predictions; one entry of each list a structure.

    Attributes:
        energies: [n_structures, K], total, eV.
        forces: list of [K, n_atoms, 3], eV/Å.
    """

    energies: np.ndarray
    forces: list[np.ndarray]


def predict(
    committee: Sequence[Bundle],
    structures: Sequence[Atoms],
    device: torch.device,
    dtype: torch.dtype = torch.float64,
) -> Predictions:
    """Return energies and forces of every committee member for every structure."""
    energies = np.empty((len(structures), len(committee)))
    forces = [np.empty((len(committee), len(atoms), 3)) for atoms in structures]
    for members in alike(committee):
        models = stack([committee[member] for member in members], dtype, device)
        for indices in _batches(structures):
            batch = models.network.join(models.network.prepare([structures[index] for index in indices]))
            with torch.no_grad():
                predicted = models.network(models.weights, batch)
            sizes = torch.tensor([len(structures[index]) for index in indices])
            total = predicted.energies.double().cpu() + models.atomic_energies[:, None] * sizes
            energies[np.ix_(indices, members)] = total.T.numpy()
            for index, part in zip(indices, predicted.forces.cpu().split(sizes.tolist(), dim=1), strict=True):
                forces[index][members] = part.numpy()
    return Predictions(energies, forces)


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
