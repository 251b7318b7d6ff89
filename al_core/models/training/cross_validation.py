"""Choosing how to train, and for how long, by cross-validation on the labels alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from al_core.config.training import AnyTuning, SelectedTuning
from al_core.models.bundle import Bundle
from al_core.models.engine.stack import Stack, alike, stack
from al_core.models.training.loss import Labelled
from al_core.models.training.task import TrainingTask
from al_core.models.training.tuning import fit


def select(
    starts: Sequence[Bundle], task: TrainingTask, device: torch.device, selected: SelectedTuning
) -> tuple[AnyTuning, float, dict[str, Any]]:
    """Return the tuning that does best on labels held out, with which share of the steps, and a record.

    A share of 0 stands for the start itself. Every member leaves out its own share of the labels and is judged by it,
    so that a committee cross-validates in one pass a candidate. Length ratio, energy scale and E0 of a rescaled start
    are fitted to all labels before, so that the start itself is judged a little too well: a candidate has to be clearly
    better. A shorter descent that does better is early stopping, with the learning rate brought to zero in time.

    Args:
        starts: the models to start from.
        task: what is learned.
        device: where to compute.
        selected: the candidates; with fewer labels than it needs, the first is taken untried.
    """
    labelled = task.labelled
    if len(labelled) < selected.labels_needed or len(alike(starts)) > 1:
        return selected.candidates[0], 1.0, {}
    labels = np.arange(len(labelled))
    judges = labels % len(starts)
    sample_weights = np.ones((len(starts), len(labelled)))
    sample_weights[judges, labels] = 0.0
    dtype = getattr(torch, task.settings.dtype)
    tried: list[tuple[AnyTuning, float]] = [(selected.candidates[0], 0.0)]
    errors = [_held_out_error(stack(starts, dtype, device), labelled, judges)]
    for candidate in selected.candidates:
        for length in selected.lengths_of(candidate):
            models = stack(starts, dtype, device)
            fit(models, task.shorter(length), candidate, sample_weights)
            tried.append((candidate, length))
            errors.append(_held_out_error(models, labelled, judges))
    best = int(np.argmin(np.nan_to_num(errors, nan=np.inf)))
    record = {
        "start_held_out_force_mae_meV_per_A": 1e3 * errors[0],
        "candidates": [
            {
                **candidate.model_dump(),
                "length": length,
                "held_out_force_mae_meV_per_A": 1e3 * error if np.isfinite(error) else None,
            }
            for (candidate, length), error in zip(tried[1:], errors[1:], strict=True)
        ],
    }
    return (*tried[best], {"selection": record})


def _held_out_error(models: Stack, labelled: Sequence[Labelled], judges: np.ndarray) -> float:
    """Return the mean force error (eV/Å) over all labels, each by the member that has not seen it."""
    batch = models.network.join(models.network.prepare([atoms for atoms, _ in labelled]))
    with torch.no_grad():
        forces = models.network(models.weights, batch).forces.double().cpu()
    parts = forces.split([len(atoms) for atoms, _ in labelled], dim=1)
    errors = [
        part[judge].numpy() - label.forces for part, judge, (_, label) in zip(parts, judges, labelled, strict=True)
    ]
    return float(np.abs(np.concatenate(errors)).mean())
