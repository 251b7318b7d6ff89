"""Choosing how to train by cross-validation on the labels alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.config import AnyTuning, SelectedTuning, Training
from al_core.models.batches import Labelled
from al_core.models.bundle import Bundle
from al_core.models.descent import batches_for, descend
from al_core.models.engine import Stack, alike, stack
from al_core.models.tuning import tuning


def select(
    starts: Sequence[Bundle],
    labelled: Sequence[Labelled],
    settings: Training,
    learning_rate: float,
    seed: int,
    device: torch.device,
    selected: SelectedTuning,
    unlabelled: Sequence[Atoms],
) -> tuple[AnyTuning | None, dict[str, Any]]:
    """Return the way that does best on labels held out, None for the start itself, and a record of the choice.

    Every member leaves out its own share of the labels and is judged by it, so that a committee cross-validates in one
    pass a candidate. Length ratio, energy scale and E0 of a rescaled start are fitted to all labels before, so that the
    start itself is judged a little too well: a candidate has to be clearly better.

    Args:
        starts, labelled, settings, learning_rate, seed, device, unlabelled: as in
            :func:`al_core.models.training.train`.
        selected: the candidates; with fewer labels than it needs, the first is taken untried.
    """
    if len(labelled) < selected.labels_needed or len(alike(starts)) > 1:
        return selected.candidates[0], {}
    places = np.arange(len(labelled))
    judges = places % len(starts)
    shares = np.ones((len(starts), len(labelled)))
    shares[judges, places] = 0.0
    dtype = getattr(torch, settings.dtype)
    errors = [_held_out_error(stack(starts, dtype, device), labelled, judges)]
    for candidate in selected.candidates:
        models = stack(starts, dtype, device)
        batches = batches_for(models, labelled, settings, np.random.default_rng(seed), candidate, unlabelled, shares)
        descend(tuning(candidate, models), batches, settings, learning_rate, len(labelled))
        errors.append(_held_out_error(models, labelled, judges))
    best = int(np.argmin(np.nan_to_num(errors, nan=np.inf)))
    record = {
        "start_held_out_force_mae_meV_per_A": 1e3 * errors[0],
        "candidates": [
            {**candidate.model_dump(), "held_out_force_mae_meV_per_A": 1e3 * error if np.isfinite(error) else None}
            for candidate, error in zip(selected.candidates, errors[1:], strict=True)
        ],
    }
    return (None if best == 0 else selected.candidates[best - 1]), {"selection": record}


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
