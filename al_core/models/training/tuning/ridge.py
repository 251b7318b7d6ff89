"""The readouts are fitted in closed form: Bayesian ridge regression on what the source's layers say of an atom.

Energies, and with them forces and stresses, are linear in the weights of the readouts of all layers but the last, and
in the last weights of the final one. What each of these weights contributes is evaluated as one more model of a stack,
without differentiating by weights. Noise and prior are those of the largest evidence (D. MacKay, Neural Comput. 4,
415 (1992)), with each structure counting as few independent observations.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from al_core.config.training import Training
from al_core.models.engine.network import Output
from al_core.models.engine.stack import Stack
from al_core.models.training.loss import Labelled, Targets, labels_of

_INDEPENDENT = 8.0  # observations that a structure counts as
_TOGETHER = 16  # contributions evaluated in one pass


def solve(
    models: Stack, labelled: Sequence[Labelled], settings: Training, shares: np.ndarray | None = None
) -> list[float | None]:
    """Fit the readouts of a stack in place; return the losses that are left, None where one is not finite.

    Args:
        models: the stack as it starts; its readouts are what the fit is drawn towards.
        labelled, settings: as in :func:`al_core.models.training.train.train`.
        shares: what each label counts for each member, [K, n_labels]; all the same if not given.
    """
    from sklearn.linear_model import BayesianRidge  # half a second that no other way needs

    members = len(models.bundles)
    shares = np.ones((members, len(labelled))) if shares is None else shares
    batch = models.network.join(models.network.prepare([atoms for atoms, _ in labelled]))
    targets = labels_of(models, labelled, settings, shares)
    wanted = _rows(Output(targets.energies * targets.sizes, targets.forces, targets.stresses), targets.sizes)
    with torch.no_grad():
        missing = wanted - _rows(models.network(models.weights, batch), targets.sizes)
        columns = [_contributions(models, member, batch, targets.sizes) for member in range(members)]
    losses: list[float | None] = []
    for member, (columns_of, weights) in enumerate(zip(columns, _row_weights(targets), strict=True)):
        seen = weights > 0
        independent = _INDEPENDENT * np.count_nonzero(shares[member])
        fit = BayesianRidge(fit_intercept=False)
        fit.fit(columns_of[seen], missing[member][seen], sample_weight=independent * weights[seen] / weights.sum())
        _add(models, member, fit.coef_)
        loss = float((weights * (missing[member] - columns_of @ fit.coef_) ** 2).sum())
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


def _rows(said: Output, sizes: torch.Tensor) -> np.ndarray:
    """Return energies per atom, force and stress components as rows of a regression, [K, rows]."""
    members = len(said.energies)
    parts = [said.energies / sizes, said.forces.flatten(-2), said.stresses.flatten(-3)]
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
