"""All weights are free."""

from collections.abc import Callable

import numpy as np

from al_core.config.training import PlainTuning
from al_core.models.engine.stack import Stack
from al_core.models.training.descent import descend
from al_core.models.training.parameters import Parameters
from al_core.models.training.task import TrainingTask


def fit(
    models: Stack,
    task: TrainingTask,
    settings: PlainTuning,
    sample_weights: np.ndarray | None,
    progress: Callable[[int], None],
) -> list[float | None]:
    """Descend step by step; see :func:`al_core.models.training.tuning.fit`."""
    return descend(Parameters(models), task, sample_weights, progress)
