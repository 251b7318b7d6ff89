"""Training a committee on few labels: a fixed number of Adam steps, all members in one pass, every label used."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.config import Training
from al_core.errors import TrainingError
from al_core.models.bundle import Bundle
from al_core.models.engine import Stack, alike, stack
from al_core.types import Label

Labelled = tuple[Atoms, Label]
Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    pass


def train(
    starts: Sequence[Bundle],
    labelled: Sequence[Labelled],
    settings: Training,
    learning_rate: float,
    seed: int,
    device: torch.device,
    progress: Progress = _silent,
) -> list[Bundle]:
    """Return the models after ``settings.steps`` steps of Adam from their starts; the average of their last weights.

    The loss is the weighted mean squared error of energy per atom (eV), force components (eV/Å) and stress components
    (eV/Å^3). The learning rate rises over the warm-up and falls along a cosine to zero. Batches are drawn without
    repetition from a shuffled order, the same for all members; a set smaller than a batch is one batch.

    Args:
        starts: the models to start from.
        labelled: structures with labels, at least one.
        settings: steps, batch size, loss weights, averaging.
        learning_rate: the largest learning rate.
        seed: of the order of the batches.
        device: where to compute.
        progress: told (done, total) steps.

    Raises:
        TrainingError: nothing to train on, or the loss of a model is no longer finite.
    """
    if not labelled:
        raise TrainingError("there is no label to train on")
    trained: list[Bundle | None] = [None] * len(starts)
    groups = alike(starts)
    for number, members in enumerate(groups):
        begin = time.process_time()
        models = stack([starts[member] for member in members], getattr(torch, settings.dtype), device)
        total = settings.steps * len(groups)
        before = settings.steps * number
        losses = _descend(
            models, labelled, settings, learning_rate, seed, lambda done, b=before, t=total: progress(b + done, t)
        )
        record: dict[str, Any] = {
            "steps": settings.steps,
            "learning_rate": learning_rate,
            "seed": seed,
            "n_labels": len(labelled),
            "core_seconds": (time.process_time() - begin) / len(members),
        }
        for member, bundle, loss in zip(members, models.unstacked(), losses, strict=True):
            info = {**bundle.info, "training": {**record, "last_loss": loss}}
            trained[member] = replace(bundle, info=info)
    return [bundle for bundle in trained if bundle is not None]


def _descend(
    models: Stack,
    labelled: Sequence[Labelled],
    settings: Training,
    learning_rate: float,
    seed: int,
    progress: Callable[[int], None],
) -> list[float]:
    """Train a stack in place; return the last losses."""
    parameters = [models.weights[name].requires_grad_() for name in models.trainable]
    batches = _Batches(models, labelled, settings.batch_size, seed)
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, amsgrad=True, fused=True)
    averages = [parameter.detach().clone() for parameter in parameters]
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * _rate(step, settings)
        optimizer.zero_grad(set_to_none=True)
        loss = _loss(models, *batches.next(), settings)
        loss.sum().backward()
        _clip(parameters, settings.clip_norm)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, _share(step, settings.ema_decay))
        if not math.isfinite(float(loss.detach().sum())):
            raise TrainingError(f"the loss is not finite after {step + 1} steps; lower the learning rate")
        progress(step + 1)
    with torch.no_grad():
        torch._foreach_copy_(parameters, averages)
        last = _loss(models, *batches.next(), settings)  # the last step came after the last loss
    if not bool(last.isfinite().all()):
        raise TrainingError(f"the loss is not finite after {settings.steps} steps; lower the learning rate")
    return [float(value) for value in last]


def _rate(step: int, settings: Training) -> float:
    rising = settings.warmup * settings.steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (settings.steps - rising)))


def _share(step: int, decay: float) -> float:
    """Return the share of the newest weights in the running average, which forgets its start in the first steps."""
    return 1 - min(decay, (1 + step) / (10 + step))


def _clip(parameters: Sequence[torch.Tensor], largest: float) -> None:
    """Shorten each member's gradient to a largest norm."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()
    factor = (largest / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))


@dataclass(frozen=True)
class _Targets:
    """The labels of a batch.

    Attributes:
        energies: without the atomic energies, per atom, eV, [K, B].
        sizes: [B].
        forces: eV/Å, [N, 3].
        stresses: eV/Å^3, [B, 3, 3]; zero where there is none.
        has_stress: [B], 1 or 0.
    """

    energies: torch.Tensor
    sizes: torch.Tensor
    forces: torch.Tensor
    stresses: torch.Tensor
    has_stress: torch.Tensor


def _targets(models: Stack, labelled: Sequence[Labelled]) -> _Targets:
    sizes = np.array([len(atoms) for atoms, _ in labelled])
    energies = np.array([label.energy for _, label in labelled]) / sizes
    stresses = np.array([np.zeros(6) if label.stress is None else label.stress for _, label in labelled])
    weights = models.weights["scale_shift.scale"]

    def put(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values).to(weights)

    return _Targets(
        energies=put(energies - models.atomic_energies.numpy()[:, None]),
        sizes=put(sizes),
        forces=put(np.concatenate([label.forces for _, label in labelled])),
        stresses=put(stresses[:, [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]),
        has_stress=put(np.array([label.stress is not None for _, label in labelled], float)),
    )


def _loss(models: Stack, batch: Any, target: _Targets, settings: Training) -> torch.Tensor:
    """Return each member's loss, [K]."""
    said = models.network(models.weights, batch)
    loss = settings.energy_weight * (said.energies / target.sizes - target.energies).square().mean(1)
    loss = loss + settings.force_weight * (said.forces - target.forces).square().mean((1, 2))
    if settings.stress_weight > 0 and bool(target.has_stress.any()):
        error = (said.stresses - target.stresses).square().mean((2, 3))
        loss = loss + settings.stress_weight * (error * target.has_stress).sum(1) / target.has_stress.sum()
    return loss


class _Batches:
    """An endless sequence of batches; a structure is prepared once, and a batch of the whole set is joined once."""

    def __init__(self, models: Stack, labelled: Sequence[Labelled], size: int, seed: int) -> None:
        self._models, self._labelled = models, labelled
        self._prepared = [models.network.prepare(atoms) for atoms, _ in labelled]
        self._rng = np.random.default_rng(seed)
        self._size = min(size, len(labelled))
        self._order: list[int] = []
        self._whole = self._join(range(len(labelled))) if self._size == len(labelled) else None

    def _join(self, places: Sequence[int]) -> tuple[Any, _Targets]:
        batch = self._models.network.join([self._prepared[place] for place in places])  # type: ignore[misc]
        return batch, _targets(self._models, [self._labelled[place] for place in places])

    def next(self) -> tuple[Any, _Targets]:
        if self._whole is not None:
            return self._whole
        while len(self._order) < self._size:
            self._order += self._rng.permutation(len(self._labelled)).tolist()
        places, self._order = self._order[: self._size], self._order[self._size :]
        return self._join(places)
