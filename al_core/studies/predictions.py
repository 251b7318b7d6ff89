"""Labelled and predicted values of the test structures, cell by cell: what parity plots are drawn from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from al_core.storage.files import read_arrays
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import LabelKeys, labelled_structures, slice_of
from al_core.studies.results import Row
from al_core.studies.workspace import Workspace


@dataclass(frozen=True)
class Predicted:
    """A test structure, labelled and predicted.

    Attributes:
        structure: its id.
        slice: its test slice.
        label_energy, energy: eV/atom.
        label_forces, forces: eV/Å, [n_atoms, 3]; predicted ones are the committee's mean.
        deviations: how far the members disagree about each atom's force, eV/Å, [n_atoms].
    """

    structure: str
    slice: str
    label_energy: float
    energy: float
    label_forces: np.ndarray
    forces: np.ndarray
    deviations: np.ndarray

    @property
    def force_mae(self) -> float:
        """Mean absolute error of the force components, eV/Å."""
        return float(np.abs(self.forces - self.label_forces).mean())

    @property
    def force_error(self) -> float:
        """Length of the error of an atom's force, mean over atoms, eV/Å: what the deviation stands for."""
        return float(np.linalg.norm(self.forces - self.label_forces, axis=1).mean())

    @property
    def deviation(self) -> float:
        """How far the members disagree about an atom's force, mean over atoms, eV/Å."""
        return float(self.deviations.mean())


@dataclass(frozen=True)
class CellPredictions:
    """The predictions of one cell: of an arm's committee of a seed at a budget."""

    arm: str
    seed: int
    budget: int
    structures: tuple[Predicted, ...]


class PredictionReader:
    """The predictions that a study's evaluations kept, read from its folder; its test set is read once.

    Args:
        out: the study's folder.
    """

    def __init__(self, out: Path) -> None:
        self._workspace = Workspace(Path(out))
        test = labelled_structures(self._workspace.test, LabelKeys()) if self._workspace.test.exists() else []
        self._labelled = test
        self._ids = [structure_id(atoms) for atoms, _ in test]

    def of(self, evaluation: str) -> tuple[Predicted, ...]:
        """Return the test structures with their predictions, in the test set's order.

        Nothing is returned of an evaluation that kept none (one of an earlier version), or of another test set.

        Args:
            evaluation: its key, as :attr:`al_core.studies.results.Row.evaluation` has it.
        """
        arrays = read_arrays(self._workspace.evaluation_arrays(evaluation)) if evaluation else None
        if arrays is None or list(arrays["structures"]) != self._ids:
            return ()
        ends = np.cumsum([len(atoms) for atoms, _ in self._labelled])[:-1]
        parts = zip(
            self._ids,
            self._labelled,
            arrays["energies"].tolist(),
            np.split(arrays["forces"], ends),
            np.split(arrays["deviations"], ends),
            strict=True,
        )
        return tuple(
            Predicted(
                structure=name,
                slice=slice_of(atoms),
                label_energy=label.energy / len(atoms),
                energy=energy,
                label_forces=label.forces,
                forces=forces,
                deviations=deviations,
            )
            for name, (atoms, label), energy, forces, deviations in parts
        )

    def at_largest_budget(self, rows: Iterable[Row], comparison: str, acquisition: str) -> tuple[CellPredictions, ...]:
        """Return the predictions of every arm and seed at the largest finished budget of a comparison."""
        part = [row for row in rows if (row.comparison, row.acquisition) == (comparison, acquisition)]
        largest = max((row.budget for row in part), default=0)
        cells = [
            CellPredictions(row.arm, row.seed, row.budget, self.of(row.evaluation))
            for row in part
            if row.budget == largest
        ]
        return tuple(cell for cell in cells if cell.structures)


def by_slice(structures: Sequence[Predicted]) -> dict[str, list[Predicted]]:
    """Return the structures of each test slice."""
    slices: dict[str, list[Predicted]] = {}
    for one in structures:
        slices.setdefault(one.slice, []).append(one)
    return slices


def spread_correlation(structures: Sequence[Predicted]) -> float | None:
    """Return Spearman's rank correlation of deviation and force error over structures; None where there is none.

    1: the committee disagrees most where it is most wrong; 0: its disagreement tells nothing.
    """
    deviations, errors = [one.deviation for one in structures], [one.force_error for one in structures]
    if min(len(set(deviations)), len(set(errors))) < 2:
        return None
    return float(spearmanr(deviations, errors).statistic)
