"""Results as they are read back from a study's folder, of this version and of the one before."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_core.errors import ConfigError
from al_core.evaluation.measured import Measured, Property
from al_core.storage.files import write_json
from al_core.studies.grid import learners
from al_core.studies.index import write_index
from al_core.studies.results import Row, StudyResults, load_results
from al_core.studies.workspace import Workspace
from tests.al_core.studies.made_up import BETTER, METRIC_VALUES, write_finished, write_study
from tests.helpers import study_config

FORCE = "force_mae_meV_per_A"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "out")


def test_rows_are_read_back(workspace: Workspace) -> None:
    write_study(workspace)
    results = load_results(workspace.out)
    assert (results.name, results.baseline, results.expected_rows) == ("results", "scratch", 8)
    assert not results.complete
    assert [(row.comparison, row.arm, row.acquisition, row.seed, row.budget, row.model) for row in results.rows] == [
        ("shared", "scratch", "random", 0, 1, "m0"),
        ("shared", "transfer", "random", 0, 1, "m1"),
        ("own", "scratch", "random", 0, 1, "m0"),
        ("own", "transfer", "random", 0, 1, "m1"),
    ]
    row = results.rows[1]
    assert row.metrics["bulk"] == BETTER
    assert (row.members, row.labels, row.core_seconds) == ((11.0, 12.0), ("La", "Lb"), 6.0)
    assert results.config["budgets"] == [1, 2]
    assert results.provenance["pool"] == {"hash": "abc"}
    assert results.provenance["versions"]["torch"] != "not installed"
    assert results.ledger == {"labels_done": 3}


def test_properties_and_what_they_are_measured_against_are_read_back(workspace: Workspace) -> None:
    config, elastic = study_config(name="results", seeds=[0], comparisons=["own"]), {"C11_GPa": Property(99.0, "GPa")}
    (learner,) = learners(config)
    cell = write_finished(workspace, 0, METRIC_VALUES)
    record = {"failure": "", "wall_s": 2.5, **Measured(elastic, {"curve": [1.0]}).as_dict()}
    write_json(workspace.evaluation("p0"), record)
    write_json(workspace.evaluation("half"), {"failure": ""})
    write_json(workspace.reference("r0"), Measured({"C11_GPa": Property(104.0, "GPa")}).as_dict())
    cell = replace(cell, evaluations={**cell.evaluations, "elastic": "p0", "phonons": "half", "defects": "gone"})
    write_index(workspace, config, {(learner, 1): cell}, {}, {}, {"elastic": "r0", "phonons": "gone"}, {})
    results = load_results(workspace.out)
    (row,) = results.properties
    assert (row.comparison, row.arm, row.acquisition, row.seed, row.budget) == ("own", "scratch", "random", 0, 1)
    assert (row.model, row.evaluation, row.properties, row.wall_s) == ("m0", "elastic", elastic, 2.5)
    assert row.details == {"curve": [1.0]}
    assert results.references == {"elastic": Measured({"C11_GPa": Property(104.0, "GPa")})}


def test_an_arm_carries_the_baseline_on_the_same_labels(workspace: Workspace) -> None:
    write_study(workspace)
    scratch, transfer = load_results(workspace.out).rows[:2]
    assert (transfer.baseline_model, scratch.baseline_model) == ("m0", "m0")
    assert transfer.baseline_metrics == scratch.metrics
    assert not transfer.negative_transfer()
    assert not scratch.negative_transfer(), "equal is not worse"


def test_a_cell_that_failed_is_a_result_with_its_cause(workspace: Workspace) -> None:
    write_study(workspace, failing="transfer")
    results = load_results(workspace.out)
    assert [row.arm for row in results.rows] == ["scratch", "scratch"]
    assert [(cell.comparison, cell.arm, cell.budget, cell.cause) for cell in results.failures] == [
        ("shared", "transfer", 1, "the loss is not finite"),
        ("own", "transfer", 1, "the loss is not finite"),
    ]


@pytest.mark.parametrize("half", ['{"metrics": {"all"', "", "[]", '{"metrics": {}}'])
def test_an_evaluation_cut_in_half_is_as_none(workspace: Workspace, half: str) -> None:
    write_study(workspace)
    workspace.evaluation("e1").write_text(half)
    assert [row.arm for row in load_results(workspace.out).rows] == ["scratch", "scratch"]


@pytest.mark.parametrize("half", ['{"labels": ["La"', "", "3"])
def test_a_training_record_cut_in_half_is_as_none(workspace: Workspace, half: str) -> None:
    write_study(workspace)
    (workspace.models("m1") / "training.json").write_text(half)
    assert [row.arm for row in load_results(workspace.out).rows] == ["scratch", "scratch"]


@pytest.mark.parametrize("half", ['{"name": "results", "config"', "", "{}"])
def test_a_damaged_index_is_one_clear_error(workspace: Workspace, half: str) -> None:
    write_study(workspace)
    workspace.index.write_text(half)
    with pytest.raises(ConfigError, match=r"study\.json: got a damaged index, expected .*; run `graft study run`"):
        load_results(workspace.out)


def test_a_folder_without_a_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no study here .*graft study run"):
        load_results(tmp_path)


def test_studies_of_the_version_before_are_read(workspace: Workspace) -> None:
    """There a cell was one file, with training and errors in it, and the grid named it."""
    values: dict[str, Any] = {"arm": {"kind": "scratch"}, "seed": 0, "rescaling": None, "labels": ["La", "Lb"]}
    values |= {"metrics": {"all": METRIC_VALUES}, "members_force_mae_meV_per_A": [11.0, 12.0], "core_seconds": 7.0}
    write_json(workspace.earlier_cell("c1"), values)
    write_json(workspace.earlier_cell("c2"), {**values, "metrics": {"all": BETTER}})
    where = {"comparison": "own", "acquisition": "random", "seed": 0, "budget": 2}
    grid = [
        {**where, "arm": "scratch", "cell": "c1", "baseline_cell": "c1"},
        {**where, "arm": "rescaled", "cell": "c2", "baseline_cell": "c1"},
        {**where, "arm": "transfer", "cell": "gone", "baseline_cell": ""},
    ]
    index = {"name": "s", "config": {"arms": [{"kind": "scratch"}]}, "provenance": {}, "expected_rows": 3}
    write_json(workspace.index, {**index, "grid": grid, "ledger": {"labels_done": 2}})
    results = load_results(workspace.out)
    assert [(row.arm, row.model, row.core_seconds) for row in results.rows] == [
        ("scratch", "c1", 7.0),
        ("rescaled", "c2", 7.0),
    ]
    assert results.rows[1].metrics["all"] == BETTER
    assert results.rows[1].baseline_metrics == {"all": METRIC_VALUES}


@pytest.mark.parametrize(
    ("whole", "structures", "pooled"), [(20.0, 4, False), (25.0, 4, True), (25.0, 5, False), (25.0, None, False)]
)
def test_what_an_earlier_version_measured_over_all_structures_is_recognised(
    whole: float, structures: int | None, pooled: bool
) -> None:
    """Three of one slice, one of another: 30 and 10 meV/Å have the mean 20, over all structures it is 25."""
    metrics = {"all": {FORCE: whole, "n_structures": structures or 4}}
    if structures is not None:
        metrics |= {"hot": {FORCE: 30.0, "n_structures": 3}, "cold": {FORCE: 10.0, "n_structures": 1}}
    row = Row("shared", "scratch", "random", 0, 1, "", metrics, (), (), 1.0)
    assert StudyResults("s", {}, {}, (row,), 1).pooled is pooled
