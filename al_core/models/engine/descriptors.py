"""Descriptors of structures: what a model's last layer knows of their atoms."""

from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import stack


def descriptors(bundle: Bundle, structures: Sequence[Atoms], device: torch.device) -> np.ndarray:
    """Return mean and standard deviation over each structure's atoms, [n_structures, 2 channels].

    Of each atom they are the invariant node features of the last layer, which mace's ``get_descriptors`` gives, too.

    Args:
        bundle: the model.
        structures: of its element.
        device: where to compute.
    """
    models = stack([bundle], torch.float32, device)
    found = []
    for prepared in models.network.prepare(structures):
        with torch.no_grad():
            atoms = models.network.descriptors(models.weights, models.network.join([prepared]))[0]
        found.append(torch.cat([atoms.mean(0), atoms.std(0, correction=0)]))
    return np.asarray(torch.stack(found).cpu().numpy())
