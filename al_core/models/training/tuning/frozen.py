"""Only the last parts of the network are free: readouts, or readouts and product basis."""

from collections.abc import Callable

import numpy as np
import torch

from al_core.config.training import FrozenTuning
from al_core.models.engine.stack import Stack
from al_core.models.training.descent import descend
from al_core.models.training.parameters import Parameters
from al_core.models.training.task import TrainingTask

PARTS = {"readouts": ("readouts.",), "products": ("readouts.", "products.")}


def fit(
    models: Stack,
    task: TrainingTask,
    settings: FrozenTuning,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
) -> list[float | None]:
    """Descend step by step; see :func:`al_core.models.training.tuning.fit`."""
    return descend(LastParts(models, settings.free), task, sample_weights, progress)


class LastParts(Parameters):
    """The named parts; radial functions, messages and embeddings stay as they start."""

    def __init__(self, models: Stack, free: str) -> None:
        self._prefixes = PARTS[free]
        super().__init__(models)

    def _free(self) -> list[torch.Tensor]:
        return [self.models.weights[name] for name in self.models.trainable if name.startswith(self._prefixes)]
