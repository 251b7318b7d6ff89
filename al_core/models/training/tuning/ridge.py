"""The readouts are fitted in closed form: Bayesian ridge regression on the features that the source has of an atom.

Energies, and with them forces and stresses, are linear in the weights of the readouts of all layers but the last, and
in the last weights of the final one. What each of these weights contributes is evaluated as one more model of a stack,
without differentiating by weights. Noise and prior are those of the largest evidence (D. MacKay, Neural Comput. 4,
415 (1992)), with each structure counting as few independent observations.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from al_core.config.training import RidgeTuning
from al_core.models.engine.network import Output
from al_core.models.engine.stack import Stack
from al_core.models.training.loss import Targets, labels_of
from al_core.models.training.task import TrainingTask

_INDEPENDENT = 8.0  # observations that a structure counts as
_TOGETHER = 16  # contributions evaluated in one pass


def fit(
    models: Stack,
    task: TrainingTask,
    settings: RidgeTuning,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
) -> list[float | None]:
    """Fit the readouts, drawn towards those of the start; see :func:`al_core.models.training.tuning.fit`."""
    from sklearn.linear_model import BayesianRidge  # half a second that no other tuning needs

    labelled, members = task.labelled, len(models.bundles)
    sample_weights = np.ones((members, len(labelled))) if sample_weights is None else sample_weights
    batch = models.network.join(models.network.prepare([atoms for atoms, _ in labelled]))
    targets = labels_of(models, labelled, task.settings, sample_weights)
    wanted = _rows(Output(targets.energies * targets.sizes, targets.forces, targets.stresses), targets.sizes)
    with torch.no_grad():
        missing = wanted - _rows(models.network(models.weights, batch), targets.sizes)
        columns = [_contributions(models, member, batch, targets.sizes) for member in range(members)]
    losses: list[float | None] = []
    for member, (columns_of, weights) in enumerate(zip(columns, _row_weights(targets), strict=True)):
        seen = weights > 0
        independent = _INDEPENDENT * np.count_nonzero(sample_weights[member])
        regression = BayesianRidge(fit_intercept=False)
        row_weights = independent * weights[seen] / weights.sum()
        regression.fit(columns_of[seen], missing[member][seen], sample_weight=row_weights)
        _add(models, member, regression.coef_)
        loss = float((weights * (missing[member] - columns_of @ regression.coef_) ** 2).sum())
        losses.append(loss if math.isfinite(loss) else None)
    return losses


def _linear(models: Stack) -> list[str]:
    """Return the names of the weights the energy is linear in."""
    return [name for name in models.trainable if name.startswith("readouts.") and ".linear_1." not in name]


def _contributions(models: Stack, member: int, batch: Any, sizes: torch.Tensor) -> np.ndarray:
    """Return what each linear weight of a member adds to each row when it is 1, [rows, weights]."""
    own = {name: stack[member : member + 1] for name, stack in models.weights.items()}
    own["scale_shift.shift"] = torch.zeros_like(own["scale_shift.shift"])
    names = _linear(models)
    widths = [own[name].numel() for name in names]
    found = []
    for units in torch.eye(sum(widths)).to(sizes).split(_TOGETHER):
        weights = {name: value.expand(len(units), *value.shape[1:]).contiguous() for name, value in own.items()}
        for name, part in zip(names, units.split(widths, dim=1), strict=True):
            weights[name] = part.reshape(weights[name].shape)
        found.append(_rows(models.network(weights, batch), sizes))
    return np.concatenate(found).T


def _rows(predicted: Output, sizes: torch.Tensor) -> np.ndarray:
    """Return energies per atom, force and stress components as rows of a regression, [K, rows]."""
    members = len(predicted.energies)
    parts = [predicted.energies / sizes, predicted.forces.flatten(-2), predicted.stresses.flatten(-3)]
    return torch.cat([part.expand(members, -1) for part in parts], dim=1).double().cpu().numpy()


def _row_weights(targets: Targets) -> np.ndarray:
    """Return the weights of the rows in the loss, [K, rows]."""
    forces = targets.force_weights.repeat_interleave(3, dim=1) / 3
    stresses = targets.stress_weights.repeat_interleave(9, dim=1) / 9
    return torch.cat([targets.energy_weights, forces, stresses], dim=1).double().cpu().numpy()


def _add(models: Stack, member: int, change: np.ndarray) -> None:
    names = _linear(models)
    widths = [models.weights[name][member].numel() for name in names]
    for name, part in zip(names, torch.as_tensor(change).split(widths), strict=True):
        weight = models.weights[name]
        weight[member] += part.to(weight).view(weight[member].shape)
