"""Gradient features: how the forces of a structure change with a model's weights, in few numbers.

For random signs v of the n force components of a structure, the gradient of v·F / sqrt(n) by the weights says how that
combination of forces changes with the weights; its mean square is that of a single component's gradient. Inner
products of such gradients are those of the model's tangent kernel (A. Jacot et al., arXiv:1806.07572); a random
projection of all weights to a few hundred dimensions keeps them to some per cent (W. Johnson and J. Lindenstrauss,
1984).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.engine.stack import Stack, stack
from al_core.storage.hashing import structure_id

_ROWS = 8  # random combinations of each structure's forces
_DIMENSIONS = 256
_VANISHING = 1e-6  # a mean square beside the largest that is rounding only
_SEED = 0  # one projection for all, so that features can be compared


def gradient_features(bundle: Bundle, structures: Sequence[Atoms], device: torch.device) -> np.ndarray:
    """Return the projected gradients of random force combinations, [n_structures, rows, dimensions].

    Which combinations depends on the structure alone.

    Args:
        bundle: the model; weights count as they are, in the units mace keeps them in.
        structures: of its element.
        device: where to compute.
    """
    models = stack([bundle], torch.float32, device)
    projection = _projection(models, torch.Generator().manual_seed(_SEED))
    rows = _gradients(models, structures, _ROWS)
    found = []
    for _ in structures:
        together = [torch.cat(parts) for parts in zip(*itertools.islice(rows, _ROWS), strict=True)]  # each [rows, ...]
        found.append(_projected(together, projection))
    return np.asarray(torch.stack(found).cpu().numpy())


def energy_features(bundle: Bundle, structures: Sequence[Atoms], device: torch.device) -> np.ndarray:
    """Return the projected gradients of each structure's energy per atom, [n_structures, dimensions].

    They are means over atoms of the gradients of the atoms' energies: where structures lie near each other, the model
    takes their atoms' surroundings for alike.

    Args:
        bundle: the model; weights count as they are, in the units mace keeps them in.
        structures: of its element.
        device: where to compute.
    """
    models = stack([bundle], torch.float32, device)
    projection = _projection(models, torch.Generator().manual_seed(_SEED))
    weights, leaves = _leaves(models)
    found = []
    for prepared, atoms in zip(models.network.prepare(structures), structures, strict=True):
        energies = models.network(weights, models.network.join([prepared])).energies
        found.append(_projected(_by(leaves, energies.sum() / len(atoms), keep=False), projection)[0])
    return np.asarray(torch.stack(found).cpu().numpy())


def _projection(models: Stack, generator: torch.Generator) -> list[torch.Tensor]:
    """Return random axes for each trainable weight, [n_weights, dimensions]."""
    sizes = [models.weights[name].numel() for name in models.trainable]
    device = models.weights[models.trainable[0]].device
    whole = torch.randn(sum(sizes), _DIMENSIONS, generator=generator).to(device) / _DIMENSIONS**0.5
    return list(whole.split(sizes))


def _projected(gradients: Sequence[torch.Tensor], projection: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return projections of gradients by each weight, [rows, ...], as [rows, dimensions]."""
    return torch.stack([part.flatten(1) @ axes for part, axes in zip(gradients, projection, strict=True)]).sum(0)


@dataclass(frozen=True)
class MeanSquaredGradients:
    """Mean squares of gradients by all weights, for each member, [K].

    Attributes:
        energy: of the energy per atom, eV^2.
        force: of a force component, (eV/Å)^2.
        stress: of a stress component, (eV/Å^3)^2.
    """

    energy: torch.Tensor
    force: torch.Tensor
    stress: torch.Tensor


def mean_squared_gradients(models: Stack, structures: Sequence[Atoms]) -> MeanSquaredGradients:
    """Return how far energies, forces and stresses of structures change with a model's weights.

    Structures whose forces vanish by symmetry say nothing of forces, and those without a volume nothing of stresses:
    they are left out of these means.
    """
    generator = torch.Generator().manual_seed(_SEED)
    weights, leaves = _leaves(models)
    squares = []
    for prepared in models.network.prepare(structures):
        predicted = models.network(weights, models.network.join([prepared]))
        forces, atoms = predicted.forces, predicted.forces.shape[1]
        stresses = predicted.stresses[:, 0][:, *torch.triu_indices(3, 3)]
        values = [(predicted.energies / atoms).sum()]
        values += [_combined(part, generator) for part in (forces, forces, stresses, stresses)]
        squares.append(torch.stack([_squared(_by(leaves, value)) for value in values]))
    energies, *others = torch.stack(squares, dim=1)  # [n_structures, K] each
    forces, stresses = (others[0] + others[1]) / 2, (others[2] + others[3]) / 2
    return MeanSquaredGradients(energies.mean(0), _mean_of_telling(forces), _mean_of_telling(stresses))


def _mean_of_telling(squares: torch.Tensor) -> torch.Tensor:
    """Return the mean [K] over the structures of [n_structures, K] that do not vanish beside the largest."""
    telling = squares.mean(1) > _VANISHING * squares.mean(1).max()
    return squares[telling].mean(0) if telling.any() else squares.mean(0)


def _leaves(models: Stack) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    leaves = [models.weights[name].detach().requires_grad_(True) for name in models.trainable]
    return {**models.weights, **dict(zip(models.trainable, leaves, strict=True))}, leaves


def _combined(values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a random combination of values, [K, ...], that varies as a single one does."""
    signs = torch.randint(2, values.shape[1:], generator=generator).to(values) * 2 - 1
    combined: torch.Tensor = (values * signs).sum() / signs.numel() ** 0.5
    return combined


def _squared(gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0)


def _by(leaves: list[torch.Tensor], value: torch.Tensor, keep: bool = True) -> list[torch.Tensor]:
    return list(torch.autograd.grad(value, leaves, retain_graph=keep, materialize_grads=True))


def _gradients(models: Stack, structures: Sequence[Atoms], rows: int) -> Iterator[list[torch.Tensor]]:
    """Yield, ``rows`` times for each structure, the gradients of one random combination by each weight, [K, ...]."""
    weights, leaves = _leaves(models)
    for prepared, atoms in zip(models.network.prepare(structures), structures, strict=True):
        generator = torch.Generator().manual_seed(int(structure_id(atoms)[:15], 16))
        forces = models.network(weights, models.network.join([prepared])).forces
        for row in range(rows):
            yield _by(leaves, _combined(forces, generator), keep=row < rows - 1)
