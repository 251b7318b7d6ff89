"""Weights move by a low-rank update: W = W_start + A B (E. J. Hu et al., arXiv:2106.09685)."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch

from al_core.config.training import LowRankTuning
from al_core.models.engine.stack import Stack
from al_core.models.training.descent import descend
from al_core.models.training.parameters import Parameters
from al_core.models.training.task import TrainingTask


def fit(
    models: Stack,
    task: TrainingTask,
    settings: LowRankTuning,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
) -> list[float | None]:
    """Descend step by step; see :func:`al_core.models.training.tuning.fit`."""
    return descend(LowRankUpdates(models, settings.rank), task, sample_weights, progress)


class LowRankUpdates(Parameters):
    """Every weight is read as a matrix as square as its shape allows; B starts at zero, so that nothing changes."""

    def __init__(self, models: Stack, rank: int) -> None:
        self._rank = rank
        super().__init__(models)

    def _free(self) -> list[torch.Tensor]:
        leaves = []
        generator = torch.Generator().manual_seed(0)
        for name in self.models.trainable:
            weight = self.models.weights[name]
            rows, columns = _matrix_shape(weight.shape[1:])
            rank = min(self._rank, rows, columns)
            # the update is as large as the weight when B is as large as A: a learning rate means the same everywhere
            first = torch.randn(rows, rank, generator=generator).to(weight) * _scale(weight)
            leaves.append(first.expand(len(weight), rows, rank).clone())
            leaves.append(torch.zeros(len(weight), rank, columns, dtype=weight.dtype, device=weight.device))
        return leaves

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Return the starts with their updates added."""
        updated = dict(self.models.weights)
        for number, name in enumerate(self.models.trainable):
            first, second = self.leaves[2 * number], self.leaves[2 * number + 1]
            updated[name] = updated[name] + torch.bmm(first, second).view_as(updated[name])
        return updated

    def finish(self) -> None:
        """Add the updates to the stack's weights."""
        self.models.weights.update({name: value.detach() for name, value in self.weights().items()})


def _matrix_shape(shape: torch.Size) -> tuple[int, int]:
    if len(shape) == 1:
        rows = next(n for n in range(math.isqrt(shape[0]), 0, -1) if shape[0] % n == 0)
        return shape[0] // rows, rows
    return math.prod(shape[:-1]), shape[-1]


def _scale(weight: torch.Tensor) -> float:
    return float(weight.detach().square().mean().sqrt())
