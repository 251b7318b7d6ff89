"""Training a committee on few labels: all members in one pass, every label used."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.config.training import AnyTuning, PlainTuning, SelectedTuning, Training
from al_core.errors import DivergedError, TrainingError
from al_core.models.bundle import Bundle
from al_core.models.engine.stack import alike, stack
from al_core.models.training.bootstrap import bootstrap_weights
from al_core.models.training.checkpoint import Checkpoint
from al_core.models.training.cross_validation import select
from al_core.models.training.loss import Labelled
from al_core.models.training.task import TrainingTask
from al_core.models.training.tuning import fit
from al_core.storage.hashing import structure_id
from al_core.structures.shells import bond_length

Progress = Callable[[int, int], None]

_SECOND_TRY = 0.3  # of the learning rate, for a member that diverged


def _silent(done: int, total: int) -> None:
    pass


def train(
    starts: Sequence[Bundle],
    labelled: Sequence[Labelled],
    settings: Training,
    learning_rate: float,
    seed: int,
    device: torch.device,
    progress: Progress = _silent,
    *,
    tuning: AnyTuning | SelectedTuning | None = None,
    unlabelled: Sequence[Atoms] = (),
    members: Sequence[int] | None = None,
    survivors: int = 2,
    checkpoint: Path | None = None,
) -> list[Bundle | None]:
    """Return the models trained from their starts.

    Unless the tuning does otherwise (``ridge``, ``anchored``): ``settings.steps`` steps of SOAP (or of Adam), and the
    average of their last weights. The loss is the weighted mean squared error of energy per atom (eV), force components
    (eV/Å) and stress components (eV/Å^3). The learning rate rises over the warm-up and falls along a cosine to zero.
    Batches are drawn without repetition from a shuffled order, the same for all members; a set smaller than a batch is
    one batch.

    A member whose loss is no longer finite starts once more with a lower rate; if that fails too, it is None.

    Args:
        starts: the models to start from.
        labelled: structures with labels, at least one.
        settings: steps, batch size, loss weights, averaging.
        learning_rate: the largest learning rate.
        seed: of the order of the batches, and of the bootstrap.
        device: where to compute.
        progress: called with (done, total) steps.
        tuning: what of the models is free, and what holds it; all of it and nothing if not given.
        unlabelled: structures of the target, for tunings that read the pool.
        members: the starts' numbers in their committee, by which they draw labels; 0, 1, ... if not given.
        survivors: how many members must not diverge; all, where there are fewer.
        checkpoint: file to keep the state of a long training in; one that a killed process left is gone on from. It
            must be of the same training.

    Raises:
        TrainingError: nothing to train on, or a label that cannot be one.
        DivergedError: too few members survive.
    """
    check_labels(labelled, settings)
    task = TrainingTask(labelled, settings, learning_rate, seed, unlabelled)
    record: dict[str, Any] = {}
    if isinstance(tuning, SelectedTuning):
        tuning, length, record = select(starts, task, device, tuning)
        task = task.shorter(length)
        tuning = tuning if length else PlainTuning()
    tuning = tuning or PlainTuning()
    weights = _sample_weights(range(len(starts)) if members is None else members, task)
    trained: list[Bundle | None] = [None] * len(starts)
    groups = alike(starts)
    total = task.settings.steps * len(groups)
    for number, group in enumerate(groups):
        tell = _shifted(progress, task.settings.steps * number, total)
        for attempt, rate in enumerate((learning_rate, _SECOND_TRY * learning_rate)):
            left = [member for member in group if trained[member] is None]
            if not left:
                continue
            own = replace(task, learning_rate=rate)
            if checkpoint:
                own = replace(own, checkpoint=Checkpoint(Path(f"{checkpoint}-{number}-{attempt}.pt")))
            drawn = None if weights is None else weights[left]
            found = _trained([starts[member] for member in left], own, tuning, drawn, device, tell)
            for member, bundle in zip(left, found, strict=True):
                trained[member] = bundle and replace(bundle, info={**bundle.info, **record})
    if sum(bundle is not None for bundle in trained) < min(survivors, len(starts)):
        raise DivergedError(
            f"the loss is not finite for {sum(bundle is None for bundle in trained)} of {len(starts)} models, "
            f"also with {_SECOND_TRY:g} times the learning rate of {learning_rate:g}; lower the learning rate"
        )
    return trained


def check_labels(labelled: Sequence[Labelled], settings: Training) -> None:
    """Refuse labels that cannot be learned from.

    Raises:
        TrainingError: there are none, or one is not finite or has a force above ``largest_force``.
    """
    if not labelled:
        raise TrainingError("there is no label to train on")
    for atoms, label in labelled:
        values = [np.atleast_1d(label.energy), label.forces, () if label.stress is None else label.stress]
        if not all(np.isfinite(value).all() for value in values):
            raise TrainingError(f"the label of structure {structure_id(atoms)} is not finite")
        largest = float(np.linalg.norm(label.forces, axis=1).max())
        if largest > settings.largest_force:
            raise TrainingError(
                f"the label of structure {structure_id(atoms)} has a force of {largest:.3g} eV/Å, more than "
                f"training.largest_force={settings.largest_force:g}"
            )


def _shifted(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total)


def _sample_weights(members: Sequence[int], task: TrainingTask) -> np.ndarray | None:
    """Return what each label counts for each member, [K, n_labels]; None if all count the same."""
    return bootstrap_weights(members, len(task.labelled), task.seed) if task.settings.bootstrap else None


def _trained(
    starts: Sequence[Bundle],
    task: TrainingTask,
    tuning: AnyTuning,
    weights: np.ndarray | None,
    device: torch.device,
    progress: Callable[[int], None],
) -> list[Bundle | None]:
    begin = time.process_time()
    models = stack(starts, getattr(torch, task.settings.dtype), device)
    losses = fit(models, task, tuning, weights, progress)
    spent = time.process_time() - begin + (task.checkpoint.core_seconds if task.checkpoint else 0.0)
    record: dict[str, Any] = {
        "steps": task.settings.steps,
        "learning_rate": task.learning_rate,
        "tuning": tuning.model_dump(),
        "seed": task.seed,
        "n_labels": len(task.labelled),
        "bond_length_A": bond_length([atoms for atoms, _ in task.labelled]),
        "core_seconds": spent / len(starts),
    }
    return [
        replace(bundle, info={**bundle.info, "training": {**record, "last_loss": value}}) if value is not None else None
        for bundle, value in zip(models.unstacked(), losses, strict=True)
    ]
