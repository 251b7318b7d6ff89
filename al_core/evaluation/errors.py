"""Errors of force, energy and stress of a committee's mean prediction, by test slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms, units

from al_core.errors import TrainingError
from al_core.models.bundle import Bundle
from al_core.models.prediction import Predictions, predict
from al_core.storage.hashing import structure_id
from al_core.types import Label
from al_core.uncertainty.calibration import Calibration, Residuals, reliability
from al_core.uncertainty.committee import force_deviation

ALL = "all"


def errors(
    committee: Sequence[Bundle], labelled: Sequence[tuple[Atoms, Label]], device: torch.device
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the errors of a committee on labelled test structures.

    Returns:
        A record, JSON-ready: ``metrics``, see :func:`slice_errors`, and ``members_force_mae_meV_per_A``, see
        :func:`member_force_maes`; and the predictions, see :func:`mean_predictions`.

    Raises:
        TrainingError: a prediction is not finite; stresses are asked of structures that are periodic in all directions.
    """
    predictions = predict(committee, [atoms for atoms, _ in labelled], device)
    stresses = predictions.stresses[[atoms.pbc.all() for atoms, _ in labelled]]
    if not all(np.isfinite(values).all() for values in (predictions.energies, *predictions.forces, stresses)):
        raise TrainingError("the predictions for the test set are not finite: a model has diverged")
    record = {
        "metrics": slice_errors(predictions, labelled),
        "members_force_mae_meV_per_A": member_force_maes(predictions, labelled),
    }
    return record, mean_predictions(predictions, [atoms for atoms, _ in labelled])


def mean_predictions(predictions: Predictions, structures: Sequence[Atoms]) -> dict[str, np.ndarray]:
    """Return what a committee predicts, as arrays: what parity plots are drawn from.

    Returns:
        ``structures``, ids [n_structures]; ``energies``, eV/atom, [n_structures]; ``forces``, eV/Å, and ``deviations``,
        how far the members disagree about each atom's force, eV/Å, float32, [n_atoms, 3] and [n_atoms] of all
        structures one after the other.
    """
    means = [forces.mean(axis=0) for forces in predictions.forces]
    sizes = np.array([len(atoms) for atoms in structures])
    return {
        "structures": np.array([structure_id(atoms) for atoms in structures]),
        "energies": predictions.energies.mean(axis=1) / sizes,  # float64: an E0 may have thousands of eV
        "forces": np.concatenate(means).astype(np.float32),
        "deviations": np.concatenate([force_deviation(forces) for forces in predictions.forces]).astype(np.float32),
    }


def slice_errors(
    predictions: Predictions, labelled: Sequence[tuple[Atoms, Label]], calibration: Calibration | None = None
) -> dict[str, dict[str, float]]:
    """Return {slice: {metric: value}}: a structure's slice is its ``info["config_type"]``.

    All errors are of the committee's mean: of force components in meV/Å, of energies per atom in meV, of stress
    components in GPa. ``pressure_bias_GPa`` is the mean of predicted minus labelled pressure, which is -trace / 3 of
    the stress. Both are missing where no label of a slice has a stress. The force deviation is how far the members
    disagree: the mean over atoms, in meV/Å, see :func:`al_core.uncertainty.committee.force_deviation`.

    ``all`` is the mean over slices (of squares, where a metric is a root of them), so that a slice of large cells
    counts no more than others; structures without a slice are one more slice.

    With a calibration: the force MAE that is expected, the mean squared z of the force components (1 where errors are
    as large as expected), and the share of them within the interval that is to cover 90 %.

    Args:
        predictions: of the committee for the structures.
        labelled: structures and labels of the test set, in the same order.
        calibration: what the committee's disagreement stands for.
    """
    errors = [
        _Errors(
            forces=(forces.mean(axis=0) - label.forces).ravel(),
            energy=float(energies.mean() - label.energy) / len(atoms),
            stress=None if label.stress is None or not atoms.pbc.all() else stresses.mean(axis=0) - label.stress,
            deviations=force_deviation(forces),
        )
        for forces, energies, stresses, (atoms, label) in zip(
            predictions.forces, predictions.energies, predictions.stresses, labelled, strict=True
        )
    ]
    found = {
        name: _metrics([errors[index] for index in members], calibration) for name, members in _slices(labelled).items()
    }
    return {ALL: _mean_over_slices(list(found.values())), **{name: found[name] for name in found if name != ALL}}


def member_force_maes(predictions: Predictions, labelled: Sequence[tuple[Atoms, Label]]) -> list[float]:
    """Return the force MAE of each single member, mean over slices, meV/Å."""
    errors = [
        np.abs(forces - label.forces).reshape(len(forces), -1)
        for forces, (_, label) in zip(predictions.forces, labelled, strict=True)
    ]
    by_slice = [
        np.concatenate([errors[index] for index in members], axis=1).mean(axis=1)
        for members in _slices(labelled).values()
    ]
    return [float(value) for value in 1e3 * np.mean(by_slice, axis=0)]


@dataclass(frozen=True)
class _Errors:
    """The errors of one structure: eV/Å [3n], eV/atom, eV/Å^3 [6] or None, and the force deviations, eV/Å [n]."""

    forces: np.ndarray
    energy: float
    stress: np.ndarray | None
    deviations: np.ndarray


def _slices(labelled: Sequence[tuple[Atoms, Label]]) -> dict[str, list[int]]:
    """Return the numbers of the structures of each slice; those without one are under ``all``."""
    slices: dict[str, list[int]] = {}
    for index, (atoms, _) in enumerate(labelled):
        slices.setdefault(str(atoms.info.get("config_type", ALL)), []).append(index)
    return slices


def _metrics(errors: Sequence[_Errors], calibration: Calibration | None) -> dict[str, float]:
    forces = np.concatenate([one.forces for one in errors])
    energies = np.array([one.energy for one in errors])
    stresses = np.array([one.stress for one in errors if one.stress is not None]) / units.GPa
    metrics = {
        "force_mae_meV_per_A": 1e3 * float(np.abs(forces).mean()),
        "force_rmse_meV_per_A": 1e3 * float(np.sqrt((forces**2).mean())),
        "energy_mae_meV_per_atom": 1e3 * float(np.abs(energies).mean()),
        "energy_rmse_meV_per_atom": 1e3 * float(np.sqrt((energies**2).mean())),
        "force_deviation_meV_per_A": 1e3 * float(np.concatenate([one.deviations for one in errors]).mean()),
    }
    if len(stresses):
        metrics["stress_mae_GPa"] = float(np.abs(stresses).mean())
        metrics["pressure_bias_GPa"] = -float(stresses[:, :3].mean())
    if calibration is not None:
        residuals = [Residuals(one.forces.reshape(-1, 3), one.deviations) for one in errors]
        found = reliability(calibration, residuals)
        expected = np.concatenate([calibration.expected_errors(one.deviations) for one in errors])
        metrics["expected_force_mae_meV_per_A"] = 1e3 * float(expected.mean())
        metrics["force_zms"] = found.zms
        metrics["force_coverage_of_90_percent"] = 100 * dict(found.coverage)[0.90]
    return {**metrics, "n_structures": len(errors)}


def _mean_over_slices(slices: Sequence[dict[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric in dict.fromkeys(metric for values in slices for metric in values):
        values = np.array([one[metric] for one in slices if metric in one])
        if metric == "n_structures":
            found[metric] = int(values.sum())
        else:
            found[metric] = float(np.sqrt((values**2).mean()) if "rmse" in metric else values.mean())
    return found
