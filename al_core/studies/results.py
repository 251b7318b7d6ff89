"""What a study has found so far, read back from its folder: what report, CLI and artifacts are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import Any

from al_core.errors import ConfigError
from al_core.evaluation.measured import Measured, Properties
from al_core.studies.records import (
    OTHER_KINDS,
    EvaluationRecord,
    ZeroShotRecord,
    evaluation_record,
    model_record,
    property_record,
    read_record,
    reference_record,
    zero_shot_record,
)
from al_core.studies.workspace import Workspace

METRICS = (
    "force_mae_meV_per_A",
    "force_rmse_meV_per_A",
    "energy_mae_meV_per_atom",
    "energy_rmse_meV_per_atom",
    "force_deviation_meV_per_A",
    "stress_mae_GPa",
    "pressure_bias_GPa",
)
SIGNED_METRICS = ("pressure_bias_GPa",)  # zero is best; the others are never negative
_ERRORS = "errors"  # the evaluation that rows are made of
_PARTS = ("name", "config", "provenance", "grid", "expected_rows", "ledger")


@dataclass(frozen=True)
class Row:
    """One cell of the grid as it counts in one comparison.

    Attributes:
        comparison: ``shared`` (all arms train on the same labels) or ``own`` (each arm on the labels it selected).
        arm, acquisition, seed, budget: the cell's index in the grid, methods by name; ``budget`` is a number of labels.
        model: the model key; the same committee may count in both comparisons.
        metrics: {slice: {metric: value}}; ``all`` is the mean over slices; metric names as in ``METRICS`` and
            ``n_structures``. Those of stress are missing where labels have none. Earlier versions measured no stress,
            and their ``all`` is over all structures together.
        members: the committee's single members' force MAE, mean over slices, meV/Å.
        labels: keys of the labels it was trained on.
        core_seconds: processor time of its training.
        baseline_model: model key of the baseline on the same labels; '' where there is none.
        baseline_metrics: its metrics.
        evaluation: evaluation key of the errors; '' for a cell of an earlier version, which had none.
    """

    comparison: str
    arm: str
    acquisition: str
    seed: int
    budget: int
    model: str
    metrics: dict[str, dict[str, float]]
    members: tuple[float, ...]
    labels: tuple[str, ...]
    core_seconds: float
    baseline_model: str = ""
    baseline_metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    evaluation: str = ""

    def negative_transfer(self, metric: str = "force_mae_meV_per_A") -> bool:
        """Return whether the baseline does better with the same labels and seed, mean over test slices."""
        return bool(self.baseline_metrics) and self.metrics["all"][metric] > self.baseline_metrics["all"][metric]


@dataclass(frozen=True)
class PropertyRow:
    """The properties of one kind of one cell of the grid as it counts in one comparison.

    Attributes:
        comparison, arm, acquisition, seed, budget, model: as :class:`Row` has them.
        evaluation: the kind, such as ``elastic``.
        properties: the numbers; none where the evaluation failed.
        details: what figures are drawn from.
        wall_s: how long it took, s.
        failure: why there is nothing; '' where there is something.
    """

    comparison: str
    arm: str
    acquisition: str
    seed: int
    budget: int
    model: str
    evaluation: str
    properties: Properties
    details: dict[str, Any]
    wall_s: float
    failure: str = ""


@dataclass(frozen=True)
class FailedCell:
    """A cell of the grid without a committee or its errors, and why; see :class:`Row`."""

    comparison: str
    arm: str
    acquisition: str
    seed: int
    budget: int
    cause: str


@dataclass(frozen=True)
class StudyResults:
    """Everything a report is made from.

    Attributes:
        name: the study's name.
        config: the validated config, as a plain dictionary.
        provenance: versions, machine, hashes of pool, test set and source; a nested dictionary of plain values.
        rows: the finished cells.
        failures: the cells that failed.
        properties: of the committees they were evaluated of.
        references: what these are measured against, by kind of evaluation.
        zero_shot: the potentials that were measured on the test set as they are, by their titles.
        expected_rows: how many of both there will be when the study is complete.
        ledger: what was asked for and paid, see :func:`al_core.studies.ledger.ledger`; studies of earlier versions lack
            ``labels_asked``, ``labels_reused`` and ``store_labels``, and count every label of their store. Under
            ``prices`` are the core-seconds that each label takes whoever computes it, by its key.
    """

    name: str
    config: dict[str, Any]
    provenance: dict[str, Any]
    rows: tuple[Row, ...]
    expected_rows: int
    ledger: dict[str, Any] = field(default_factory=dict)
    failures: tuple[FailedCell, ...] = ()
    properties: tuple[PropertyRow, ...] = ()
    references: dict[str, Measured] = field(default_factory=dict)
    zero_shot: dict[str, ZeroShotRecord] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every cell of the grid is finished or has failed."""
        return len(self.rows) + len(self.failures) == self.expected_rows

    @property
    def pooled(self) -> bool:
        """Whether ``all`` is over all structures together, as earlier versions had it, and not the mean over slices."""
        return any(_pooled(row.metrics) for row in self.rows)

    @property
    def baseline(self) -> str:
        """The name of the arm that the others are compared with on the same labels."""
        scratch = [arm for arm in self.config.get("arms", ()) if arm.get("kind") == "scratch"]
        return str(scratch[0].get("name") or "scratch") if scratch else "scratch"


def _pooled(metrics: Mapping[str, Mapping[str, float]]) -> bool:
    """Compare the error on the whole test set with those of its slices, where they make it up."""
    slices = [values for name, values in metrics.items() if name != "all"]
    if not slices or sum(values["n_structures"] for values in slices) != metrics["all"]["n_structures"]:
        return False
    mean = sum(values[METRICS[0]] for values in slices) / len(slices)
    return not isclose(mean, metrics["all"][METRICS[0]], rel_tol=1e-6)


def load_results(out: Path) -> StudyResults:
    """Read the results of a study from its folder; a cell that was deleted is not there until the study runs again.

    Raises:
        ConfigError: the folder holds no study, or half of one.
    """
    workspace = Workspace(Path(out))
    if not workspace.out.is_dir():
        raise ConfigError(f"{out}: no such folder")
    if not workspace.index.is_file():
        raise ConfigError(f"{out}: no study here (study.json is missing); run `graft study run` first")
    study = read_record(workspace.index, *_PARTS)
    try:
        return _results(workspace, study or {})
    except OTHER_KINDS as error:
        raise ConfigError(
            f"{workspace.index}: got a damaged index, expected {', '.join(_PARTS)}; run `graft study run` with the "
            "same config again: it writes the index anew and computes nothing twice"
        ) from error


def _results(workspace: Workspace, study: Mapping[str, Any]) -> StudyResults:
    rows, failures, properties = [], [], []
    for cell in study["grid"]:
        where = {key: cell[key] for key in ("comparison", "arm", "acquisition", "seed", "budget")}
        if cell.get("failure"):
            failures.append(FailedCell(**where, cause=cell["failure"]))
        elif (
            row := _earlier_row(workspace, cell, where) if "cell" in cell else _row(workspace, cell, where)
        ) is not None:
            rows.append(row)
            properties += _properties(workspace, cell, where)
    references = {
        kind: found
        for kind, key in study.get("references", {}).items()
        if (found := reference_record(workspace.reference(key))) is not None
    }
    measured = {title: zero_shot_record(workspace.evaluation(key)) for title, key in study.get("zero_shot", {}).items()}
    return StudyResults(
        name=study["name"],
        config=study["config"],
        provenance=study["provenance"],
        rows=tuple(rows),
        expected_rows=study["expected_rows"],
        ledger=study["ledger"],
        failures=tuple(failures),
        properties=tuple(properties),
        references=references,
        zero_shot={title: record for title, record in measured.items() if record is not None},
    )


def _properties(workspace: Workspace, cell: Mapping[str, Any], where: Mapping[str, Any]) -> list[PropertyRow]:
    records = {
        kind: found
        for kind, key in cell.get("evaluations", {}).items()
        if kind != _ERRORS and (found := property_record(workspace.evaluation(key))) is not None
    }
    return [
        PropertyRow(
            **where,
            model=cell["model"],
            evaluation=kind,
            properties=found.measured.properties,
            details=found.measured.details,
            wall_s=found.wall_s,
            failure=found.failure,
        )
        for kind, found in records.items()
    ]


def _row(workspace: Workspace, cell: Mapping[str, Any], where: Mapping[str, Any]) -> Row | None:
    model, found = model_record(workspace.models(cell["model"])), _errors(workspace, cell["evaluations"])
    if model is None or found is None:
        return None
    baseline = _errors(workspace, cell["baseline_evaluations"])
    return Row(
        **where,
        model=cell["model"],
        metrics=found.metrics,
        members=found.members,
        labels=model.labels,
        core_seconds=model.core_seconds,
        baseline_model=cell["baseline_model"],
        baseline_metrics=baseline.metrics if baseline else {},
        evaluation=cell["evaluations"][_ERRORS],
    )


def _errors(workspace: Workspace, evaluations: Mapping[str, str]) -> EvaluationRecord | None:
    """Return the errors among some evaluations, None where they are not there or failed."""
    found = evaluation_record(workspace.evaluation(evaluations[_ERRORS])) if _ERRORS in evaluations else None
    return found if found and not found.failure else None


def _earlier_row(workspace: Workspace, cell: Mapping[str, Any], where: Mapping[str, Any]) -> Row | None:
    """Return a cell as versions before this one kept it: training and errors in one file."""
    record = read_record(workspace.earlier_cell(cell["cell"]), "labels", "core_seconds")
    found = evaluation_record(workspace.earlier_cell(cell["cell"]))
    if record is None or found is None:
        return None
    baseline = evaluation_record(workspace.earlier_cell(cell.get("baseline_cell", "")))
    return Row(
        **where,
        model=cell["cell"],
        metrics=found.metrics,
        members=found.members,
        labels=tuple(record["labels"]),
        core_seconds=record["core_seconds"],
        baseline_model=cell.get("baseline_cell", ""),
        baseline_metrics=baseline.metrics if baseline else {},
    )
