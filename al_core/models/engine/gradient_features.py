"""Gradient features: how the forces of a structure change with a model's weights, in few numbers.

For random signs v of the n force components of a structure, the gradient of v·F / sqrt(n) by the weights says how that
combination of forces changes with the weights; its mean square is that of a single component's gradient. Inner
products of such gradients are those of the model's tangent kernel (A. Jacot et al., arXiv:1806.07572); a random
projection of all weights to a few hundred dimensions keeps them to some per cent (W. Johnson and J. Lindenstrauss,
1984).
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import Stack, stack

_ROWS = 8  # random combinations of each structure's forces
_FEW_ROWS = 2  # where only their mean over structures is asked for
_DIMENSIONS = 256
_SEED = 0  # one projection for all, so that features can be compared


def gradient_features(bundle: Bundle, structures: Sequence[Atoms], device: torch.device) -> np.ndarray:
    """Return the projected gradients of random force combinations, [n_structures, rows, dimensions].

    Args:
        bundle: the model; weights count as they are, in the units mace keeps them in.
        structures: of its element.
        device: where to compute.
    """
    models = stack([bundle], torch.float32, device)
    generator = torch.Generator().manual_seed(_SEED)
    sizes = [models.weights[name].numel() for name in models.trainable]
    projection = torch.randn(sum(sizes), _DIMENSIONS, generator=generator).to(device) / _DIMENSIONS**0.5
    rows = _gradients(models, structures, _ROWS, generator)
    found = []
    for _ in structures:
        together = [torch.cat(parts) for parts in zip(*itertools.islice(rows, _ROWS), strict=True)]  # each [rows, ...]
        projected = [part.flatten(1) @ axes for part, axes in zip(together, projection.split(sizes), strict=True)]
        found.append(torch.stack(projected).sum(0))
    return np.asarray(torch.stack(found).cpu().numpy())


def mean_squared_gradient(models: Stack, structures: Sequence[Atoms]) -> torch.Tensor:
    """Return the mean square of the gradient of a force component by all weights, for each member, [K]."""
    generator = torch.Generator().manual_seed(_SEED)
    squares = [
        torch.stack([gradient.flatten(1).square().sum(1) for gradient in row]).sum(0)
        for row in _gradients(models, structures, _FEW_ROWS, generator)
    ]
    return torch.stack(squares).mean(0)


def _gradients(
    models: Stack, structures: Sequence[Atoms], rows: int, generator: torch.Generator
) -> Iterator[list[torch.Tensor]]:
    """Yield, ``rows`` times for each structure, the gradients of one random combination by each weight, [K, ...]."""
    leaves = [models.weights[name].detach().requires_grad_(True) for name in models.trainable]
    weights = {**models.weights, **dict(zip(models.trainable, leaves, strict=True))}
    for prepared in models.network.prepare(structures):
        forces = models.network(weights, models.network.join([prepared])).forces
        for row in range(rows):
            signs = torch.randint(2, forces.shape[1:], generator=generator).to(forces) * 2 - 1
            value = (forces * signs).sum() / signs.numel() ** 0.5
            keep = row < rows - 1
            yield list(torch.autograd.grad(value, leaves, retain_graph=keep, materialize_grads=True))
