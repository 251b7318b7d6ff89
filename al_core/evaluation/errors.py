"""Force and energy errors of a committee's mean prediction, by test slice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms

from al_core.errors import TrainingError
from al_core.models.bundle import Bundle
from al_core.models.prediction import Predictions, predict
from al_core.types import Label
from al_core.uncertainty.committee import force_deviation

ALL = "all"


def errors(
    committee: Sequence[Bundle], labelled: Sequence[tuple[Atoms, Label]], device: torch.device
) -> dict[str, Any]:
    """Return the errors of a committee on labelled test structures, JSON-ready.

    Returns:
        ``metrics``, see :func:`slice_errors`, and ``members_force_mae_meV_per_A``, see :func:`member_force_maes`.

    Raises:
        TrainingError: a prediction is not finite.
    """
    predictions = predict(committee, [atoms for atoms, _ in labelled], device)
    if not all(np.isfinite(values).all() for values in (predictions.energies, *predictions.forces)):
        raise TrainingError("the predictions for the test set are not finite: a model has diverged")
    return {
        "metrics": slice_errors(predictions, labelled),
        "members_force_mae_meV_per_A": member_force_maes(predictions, labelled),
    }


def slice_errors(predictions: Predictions, labelled: Sequence[tuple[Atoms, Label]]) -> dict[str, dict[str, float]]:
    """Return {slice: {metric: value}}: a structure's slice is its ``info["config_type"]``, ``all`` holds every one.

    Force errors are over all components, in meV/Å; energy errors per atom, in meV. Both are of the committee's mean.
    The force deviation is how far its members disagree: the mean over atoms, in meV/Å, see
    :func:`al_core.uncertainty.committee.force_deviation`.

    Args:
        predictions: of the committee for the structures.
        labelled: structures and labels of the test set, in the same order.
    """
    force_errors = [
        forces.mean(axis=0) - label.forces for forces, (_, label) in zip(predictions.forces, labelled, strict=True)
    ]
    energy_errors = np.array(
        [
            (row.mean() - label.energy) / len(atoms)
            for row, (atoms, label) in zip(predictions.energies, labelled, strict=True)
        ]
    )
    deviations = [force_deviation(forces) for forces in predictions.forces]
    slices: dict[str, list[int]] = {ALL: list(range(len(labelled)))}
    for index, (atoms, _) in enumerate(labelled):
        slices.setdefault(str(atoms.info.get("config_type", ALL)), [])
        if atoms.info.get("config_type", ALL) != ALL:
            slices[str(atoms.info["config_type"])].append(index)
    return {
        name: _metrics(
            np.concatenate([force_errors[index].ravel() for index in members]),
            energy_errors[members],
            np.concatenate([deviations[index] for index in members]),
        )
        for name, members in slices.items()
    }


def member_force_maes(predictions: Predictions, labelled: Sequence[tuple[Atoms, Label]]) -> list[float]:
    """Return the force MAE of each single member over all structures, meV/Å."""
    errors = np.concatenate(
        [
            np.abs(forces - label.forces).reshape(len(forces), -1)
            for forces, (_, label) in zip(predictions.forces, labelled, strict=True)
        ],
        axis=1,
    )
    return [float(value) for value in 1e3 * errors.mean(axis=1)]


def _metrics(forces: np.ndarray, energies: np.ndarray, deviations: np.ndarray) -> dict[str, float]:
    return {
        "force_mae_meV_per_A": 1e3 * float(np.abs(forces).mean()),
        "force_rmse_meV_per_A": 1e3 * float(np.sqrt((forces**2).mean())),
        "energy_mae_meV_per_atom": 1e3 * float(np.abs(energies).mean()),
        "energy_rmse_meV_per_atom": 1e3 * float(np.sqrt((energies**2).mean())),
        "force_deviation_meV_per_A": 1e3 * float(deviations.mean()),
        "n_structures": len(energies),
    }
