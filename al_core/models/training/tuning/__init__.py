"""Tunings: how a stack of models is fitted to few labels. One file each; this is their registry."""

from collections.abc import Callable
from typing import Any

import numpy as np

from al_core.config.training import AnyTuning
from al_core.models.engine.stack import Stack
from al_core.models.training.task import TrainingTask
from al_core.models.training.tuning import anchored, frozen, low_rank, plain, ridge

_Fit = Callable[[Stack, TrainingTask, Any, np.ndarray | None, Callable[[int], None]], list[float | None]]

_TUNINGS: dict[str, _Fit] = {
    "plain": plain.fit,
    "anchored": anchored.fit,
    "frozen": frozen.fit,
    "low_rank": low_rank.fit,
    "ridge": ridge.fit,
}


def fit(
    models: Stack,
    task: TrainingTask,
    tuning: AnyTuning,
    sample_weights: np.ndarray | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[float | None]:
    """Train a stack in place; return the losses that are left, [K], None where one is not finite.

    Args:
        models: the stack.
        task: what it learns.
        tuning: what of it is free, and what holds it.
        sample_weights: what each label counts for each member, [K, n_labels]; all the same if not given.
        progress: called with the steps done.
    """
    return _TUNINGS[tuning.kind](models, task, tuning, sample_weights, progress)
