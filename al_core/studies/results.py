"""What a study has found so far, read back from its folder: what report, CLI and artifacts are made from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from al_core.errors import ConfigError
from al_core.storage.files import read_json

METRICS = (
    "force_mae_meV_per_A",
    "force_rmse_meV_per_A",
    "energy_mae_meV_per_atom",
    "energy_rmse_meV_per_atom",
    "force_deviation_meV_per_A",
)


@dataclass(frozen=True)
class Row:
    """One cell of the grid as it counts in one comparison.

    Attributes:
        comparison: ``shared`` (all arms train on the same labels) or ``own`` (each arm on the labels it chose).
        arm, acquisition, seed, budget: the cell's place in the grid; ``budget`` is a number of labels.
        cell: the cell's key; the same cell may count in both comparisons.
        metrics: {slice: {metric: value}}; the slice ``all`` is the whole test set; metric names as in ``METRICS``
            and ``n_structures``.
        members: the committee's single members' force MAE on the whole test set, meV/Å.
        labels: keys of the labels it was trained on.
        core_seconds: processor time of its training.
        baseline_cell: key of the cell of the baseline trained on the same labels; '' where there is none.
        baseline_metrics: its metrics.
    """

    comparison: str
    arm: str
    acquisition: str
    seed: int
    budget: int
    cell: str
    metrics: dict[str, dict[str, float]]
    members: tuple[float, ...]
    labels: tuple[str, ...]
    core_seconds: float
    baseline_cell: str = ""
    baseline_metrics: dict[str, dict[str, float]] = field(default_factory=dict)

    def negative_transfer(self, metric: str = "force_mae_meV_per_A") -> bool:
        """Return whether the baseline does better with the same labels and seed, on the whole test set."""
        return bool(self.baseline_metrics) and self.metrics["all"][metric] > self.baseline_metrics["all"][metric]


@dataclass(frozen=True)
class StudyResults:
    """Everything a report is made from.

    Attributes:
        name: the study's name.
        config: the validated config, as a plain dictionary.
        provenance: versions, machine, hashes of pool, test set and source; a nested dictionary of plain values.
        rows: the finished cells.
        expected_rows: how many rows there will be when the study is complete.
        ledger: what was spent: ``labels_done``, ``labels_failed``, ``label_core_seconds``,
            ``failed_core_seconds``, ``training_core_seconds``, ``test_labels``,
            ``failures`` (list of {structure, cause}) and
            ``per_budget`` (list of {budget, labels, label_core_seconds, training_core_seconds}, cumulative).
    """

    name: str
    config: dict[str, Any]
    provenance: dict[str, Any]
    rows: tuple[Row, ...]
    expected_rows: int
    ledger: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every cell of the grid is finished."""
        return len(self.rows) == self.expected_rows


def load_results(out: Path) -> StudyResults:
    """Read the results of a study from its folder; a cell that was deleted is not there until the study runs again.

    Raises:
        ConfigError: the folder holds no study.
    """
    out = Path(out)
    if not (out / "study.json").is_file():
        raise ConfigError(f"{out}: no study here (study.json is missing); run `graft study run` first")
    study = read_json(out / "study.json")
    rows = []
    found = {file.stem: read_json(file) for file in (out / "cells").glob("[!.]*.json")}
    for place in study["grid"]:
        if place["cell"] not in found:
            continue
        cell = found[place["cell"]]
        baseline = place.get("baseline_cell", "")
        rows.append(
            Row(
                **place,
                metrics=cell["metrics"],
                members=tuple(cell["members_force_mae_meV_per_A"]),
                labels=tuple(cell["labels"]),
                core_seconds=cell["core_seconds"],
                baseline_metrics=found[baseline]["metrics"] if baseline in found else {},
            )
        )
    return StudyResults(
        name=study["name"],
        config=study["config"],
        provenance=study["provenance"],
        rows=tuple(rows),
        expected_rows=study["expected_rows"],
        ledger=study["ledger"],
    )
