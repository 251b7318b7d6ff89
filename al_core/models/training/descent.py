"""The descent itself, on the loss of batches, for all members of a stack in one pass."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from al_core.config.training import Training
from al_core.models.training.adam import Adam
from al_core.models.training.loss import Batches, TargetsOf, labels_of, loss
from al_core.models.training.parameters import Parameters
from al_core.models.training.soap import Soap
from al_core.models.training.task import TrainingTask


def descend(
    parameters: Parameters,
    task: TrainingTask,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
    targets: TargetsOf = labels_of,
) -> list[float | None]:
    """Train a stack in place; return the last losses, None where one is not finite.

    With a checkpoint it goes on from where a killed process was, to the same outcome.

    Args:
        parameters: the stack, and what of it is moved.
        task: what is learned, in how many steps.
        sample_weights: what each label counts for each member, [K, n_labels]; all the same if not given.
        progress: called with the steps done.
        targets: weighs the labels of a batch.
    """
    models, leaves = parameters.models, parameters.leaves
    settings, checkpoint = task.settings, task.checkpoint
    batches = Batches(models, task.labelled, settings, np.random.default_rng(task.seed), sample_weights, targets)
    channels = models.bundles[0].architecture.channels
    optimizer = Soap(leaves, channels) if settings.optimizer == "soap" else Adam(leaves)
    averages = [leaf.detach().clone() for leaf in leaves]
    first = 0
    if checkpoint and (left := checkpoint.load()):
        first = left["steps"]
        with torch.no_grad():
            torch._foreach_copy_(leaves, left["weights"])
            torch._foreach_copy_(averages, left["averages"])
        optimizer.restore(left["optimizer"])
        batches.restore(left["batches"])
    for step in range(first, settings.steps):
        for leaf in leaves:
            leaf.grad = None
        value = loss(models, parameters.weights(), *batches.next()) + parameters.penalty()
        value.sum().backward()
        _clip(leaves, settings.clip_norm)
        optimizer.step(task.learning_rate * _rate(step, settings))
        with torch.no_grad():
            torch._foreach_lerp_(averages, leaves, _share(step, settings.ema_decay))
        progress(step + 1)
        if checkpoint:
            checkpoint.save(partial(_state, step + 1, leaves, averages, optimizer, batches))
        if not bool(value.detach().isfinite().any()):
            break  # nobody is left
    with torch.no_grad():
        torch._foreach_copy_(leaves, averages)
        last = loss(models, parameters.weights(), *batches.next())  # the last step came after the last loss
        parameters.finish()
    if checkpoint:
        checkpoint.remove()
    return [float(value) if math.isfinite(value) else None for value in last]


def _state(
    steps: int, leaves: list[torch.Tensor], averages: list[torch.Tensor], optimizer: Soap | Adam, batches: Batches
) -> dict[str, Any]:
    return {
        "steps": steps,
        "weights": [leaf.detach() for leaf in leaves],
        "averages": averages,
        "optimizer": optimizer.state(),
        "batches": batches.state(),
    }


def _rate(step: int, settings: Training) -> float:
    rising = settings.warmup * settings.steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (settings.steps - rising)))


def _share(step: int, decay: float) -> float:
    """Return the share of the newest weights in the running average, which forgets its start in the first steps."""
    return 1 - min(decay, (1 + step) / (10 + step))


def _clip(leaves: Sequence[torch.Tensor], largest: float) -> None:
    """Shorten each member's gradient to a largest norm."""
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    norm = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()
    factor = (largest / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))
