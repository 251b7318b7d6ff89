"""Training one model on few labels: a fixed number of Adam steps, every label used, no step dropped."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from ase import Atoms

from al_core.config import Training
from al_core.errors import TrainingError
from al_core.models.bundle import Bundle
from al_core.models.graphs import Graph, graph, join, targets
from al_core.models.mace import Model, build, cutoff, with_weights
from al_core.types import Label

Labelled = tuple[Atoms, Label]


def train(
    start: Bundle,
    labelled: Sequence[Labelled],
    settings: Training,
    learning_rate: float,
    seed: int,
    device: torch.device,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Bundle:
    """Return the model after ``settings.steps`` steps of Adam from ``start``; the average of its last weights.

    The loss is the weighted mean squared error of energy per atom (eV), force components (eV/Å) and stress components
    (eV/Å^3). The learning rate rises over the warm-up and falls along a cosine to zero. Batches are drawn without
    repetition from a shuffled order; a set smaller than a batch is one batch.

    Args:
        start: the model to start from.
        labelled: structures with labels, at least one.
        settings: steps, batch size, loss weights, averaging.
        learning_rate: the largest learning rate.
        seed: of the order of the batches.
        device: where to compute.
        progress: told (done, total) steps.

    Raises:
        TrainingError: nothing to train on, or the loss is no longer finite.
    """
    if not labelled:
        raise TrainingError("there is no label to train on")
    begin = time.process_time()
    dtype = getattr(torch, settings.dtype)
    model = build(start, dtype, device)
    batches = _Batches(labelled, cutoff(model), settings.batch_size, seed, dtype, device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, amsgrad=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, settings))
    parameters: list[torch.Tensor] = list(model.parameters())
    averages = [parameter.detach().clone() for parameter in parameters]
    loss = torch.zeros(())
    for step in range(settings.steps):
        optimizer.zero_grad(set_to_none=True)
        loss = _loss(model, *batches.next(), settings)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, _share(step, settings.ema_decay))
        if not math.isfinite(loss.item()):
            raise TrainingError(f"the loss is not finite after {step + 1} steps; lower the learning rate")
        progress(step + 1, settings.steps)
    record = {
        "steps": settings.steps,
        "learning_rate": learning_rate,
        "seed": seed,
        "n_labels": len(labelled),
        "last_loss": loss.item(),
        "core_seconds": time.process_time() - begin,
    }
    with torch.no_grad():
        torch._foreach_copy_(parameters, averages)
    if not math.isfinite(_loss(model, *batches.next(), settings).item()):  # the last step came after the last loss
        raise TrainingError(f"the loss is not finite after {settings.steps} steps; lower the learning rate")
    return with_weights(start, model, training=record)


def _rate(step: int, settings: Training) -> float:
    rising = settings.warmup * settings.steps
    if step < rising:
        return (step + 1) / (rising + 1)
    if settings.steps == 0:
        return 0.0  # the optimizer asks for a first rate, used or not
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (settings.steps - rising)))


def _share(step: int, decay: float) -> float:
    """Return the share of the newest weights in the running average, which forgets its start in the first steps."""
    return 1 - min(decay, (1 + step) / (10 + step))


def _loss(model: Model, batch: Graph, target: Graph, settings: Training) -> torch.Tensor:
    with_stress = settings.stress_weight > 0 and bool(target["has_stress"].any())
    output = model(dict(batch), training=True, compute_stress=with_stress)
    atoms = (batch["ptr"][1:] - batch["ptr"][:-1]).to(target["energy"].dtype)
    loss: torch.Tensor = settings.energy_weight * (((output["energy"] - target["energy"]) / atoms) ** 2).mean()
    loss = loss + settings.force_weight * ((output["forces"] - target["forces"]) ** 2).mean()
    if with_stress:
        error = ((output["stress"] - target["stress"]) ** 2).mean(dim=(1, 2))
        loss = loss + settings.stress_weight * (error * target["has_stress"]).sum() / target["has_stress"].sum()
    return loss


class _Batches:
    """An endless sequence of batches; graphs are built once, and a batch of the whole set is joined once."""

    def __init__(
        self,
        labelled: Sequence[Labelled],
        r_max: float,
        size: int,
        seed: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._graphs = [graph(atoms, r_max, dtype) for atoms, _ in labelled]
        self._labels = [label for _, label in labelled]
        self._rng = np.random.default_rng(seed)
        self._size = min(size, len(labelled))
        self._dtype, self._device = dtype, device
        self._order: list[int] = []
        self._whole = self._join(range(len(labelled))) if self._size == len(labelled) else None

    def _join(self, indices: Sequence[int]) -> tuple[Graph, Graph]:
        batch = join([self._graphs[index] for index in indices], self._device)
        return batch, targets([self._labels[index] for index in indices], self._dtype, self._device)

    def next(self) -> tuple[Graph, Graph]:
        if self._whole is not None:
            return self._whole
        while len(self._order) < self._size:
            self._order += self._rng.permutation(len(self._graphs)).tolist()
        indices, self._order = self._order[: self._size], self._order[self._size :]
        return self._join(indices)
