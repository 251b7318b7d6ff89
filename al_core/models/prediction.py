"""What a committee says of structures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.graphs import graph, join
from al_core.models.mace import build, cutoff

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
    for number, bundle in enumerate(committee):
        model = build(bundle, dtype, device)
        model.requires_grad_(False)
        r_max = cutoff(model)
        for batch in _batches(structures):
            graphs = join([graph(structures[index], r_max, dtype) for index in batch], device)
            output = model(graphs)
            energies[batch, number] = output["energy"].detach().cpu().numpy()
            split = np.split(output["forces"].detach().cpu().numpy(), graphs["ptr"][1:-1].cpu().numpy())
            for index, part in zip(batch, split, strict=True):
                forces[index][number] = part
    return Predictions(energies, forces)


def _batches(structures: Sequence[Atoms]) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    atoms = 0
    for index, structure in enumerate(structures):
        if batches[-1] and atoms + len(structure) > _ATOMS_PER_BATCH:
            batches.append([])
            atoms = 0
        batches[-1].append(index)
        atoms += len(structure)
    return [batch for batch in batches if batch]
