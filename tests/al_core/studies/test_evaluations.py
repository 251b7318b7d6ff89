"""A committee that is measured anew: its evaluation has another key, its model has not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.config.arms import ScratchArm
from al_core.config.evaluation import ErrorsEvaluation, LatticeEvaluation
from al_core.config.training import Training
from al_core.models.bundle import save_bundle
from al_core.models.rescaling import relabel
from al_core.storage.files import read_json, write_json
from al_core.structures.datasets import write_labelled
from al_core.studies import evaluations, keys
from al_core.studies.evaluations import evaluate_committee
from al_core.studies.keys import EvaluationInputs, ModelInputs
from al_core.studies.lookup import evaluated
from al_core.studies.predictions import PredictionReader, by_slice
from al_core.studies.records import property_record
from al_core.studies.workspace import Workspace


@pytest.fixture
def model(source: Any, tmp_path: Path) -> ModelInputs:
    """The inputs of a committee that is there."""
    model = ModelInputs(tmp_path, ScratchArm(), "Ge", 0, ("L",), (), "", "", Training(steps=30), "cpu")
    folder = Workspace(tmp_path).models(model.key)
    for number, bundle in enumerate(source):
        save_bundle(relabel(bundle, "Ge"), folder / f"member-{number}")
    write_json(folder / "training.json", {"labels": ["L"], "members": [0, 1], "core_seconds": 1.0, "failure": ""})
    return model


@pytest.fixture
def inputs(model: ModelInputs, ge_labelled: Any, tmp_path: Path) -> EvaluationInputs:
    """Its errors on five structures."""
    write_labelled(Workspace(tmp_path).test, ge_labelled)
    return EvaluationInputs(model, ErrorsEvaluation(), "reference")


def test_properties_need_no_test_set_and_are_evaluated_once(
    model: ModelInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = EvaluationInputs(model, LatticeEvaluation(phases=()), "")
    assert evaluate_committee(inputs) == ""
    assert not Workspace(tmp_path).evaluation_arrays(inputs.key).exists()
    found = property_record(Workspace(tmp_path).evaluation(inputs.key))
    assert found is not None
    lattice = found.measured.properties["lattice_constant_A"]
    assert lattice.value == pytest.approx(5.6, abs=0.4)
    assert found.wall_s > 0
    monkeypatch.setattr("al_core.studies.evaluations.of_committee", None)
    assert evaluate_committee(inputs) == "", "it is found"
    assert replace(inputs, subject="fcc").key != inputs.key


def test_what_an_earlier_version_measured_is_measured_again_with_stress(
    inputs: EvaluationInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, folder = Workspace(tmp_path), Workspace(tmp_path).models(inputs.model.key)
    with monkeypatch.context() as before:
        before.setattr(keys, "_EVALUATIONS", 1)
        assert workspace.models(inputs.model.key) == folder, "a model's key knows nothing of evaluations"
        earlier = workspace.evaluation(inputs.key)
    old = {"metrics": {"all": {"force_mae_meV_per_A": 1.0}}, "members_force_mae_meV_per_A": [1.0, 1.0], "failure": ""}
    write_json(earlier, old)
    untouched = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    assert evaluate_committee(inputs) == ""
    found = read_json(workspace.evaluation(inputs.key))["metrics"]["all"]
    assert np.isfinite(found["stress_mae_GPa"])
    assert found["stress_mae_GPa"] >= abs(found["pressure_bias_GPa"]) / 2 > 0
    assert read_json(earlier) == old
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == untouched


def test_the_predictions_are_kept_beside_the_record(inputs: EvaluationInputs, tmp_path: Path) -> None:
    assert evaluate_committee(inputs) == ""
    record = read_json(Workspace(tmp_path).evaluation(inputs.key))
    structures = PredictionReader(tmp_path).of(inputs.key)
    assert len(structures) == record["metrics"]["all"]["n_structures"] == 5
    for name, members in by_slice(structures).items():
        found = 1e3 * np.mean([one.force_mae for one in members])  # cells of eight atoms each
        assert found == pytest.approx(record["metrics"][name]["force_mae_meV_per_A"], rel=1e-5)
        energies = [abs(one.energy - one.label_energy) for one in members]
        assert 1e3 * np.mean(energies) == pytest.approx(record["metrics"][name]["energy_mae_meV_per_atom"])
        deviations = 1e3 * np.mean([one.deviations for one in members])
        assert deviations == pytest.approx(record["metrics"][name]["force_deviation_meV_per_A"], rel=1e-5)


def test_the_record_says_that_an_evaluation_is_done_and_not_its_predictions(
    inputs: EvaluationInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the two files leaves predictions without a record: the evaluation is made again."""
    workspace = Workspace(tmp_path)

    def killed(path: Path, value: Any) -> None:
        assert workspace.evaluation_arrays(inputs.key).exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as before:
        before.setattr(evaluations, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluate_committee(inputs)
    assert evaluated(inputs) is None
    assert evaluate_committee(inputs) == ""
    assert evaluated(inputs) is not None


def test_a_record_without_predictions_is_not_made_again(inputs: EvaluationInputs, tmp_path: Path) -> None:
    evaluate_committee(inputs)
    workspace = Workspace(tmp_path)
    workspace.evaluation_arrays(inputs.key).unlink()
    before = workspace.evaluation(inputs.key).stat().st_mtime_ns
    assert evaluate_committee(inputs) == ""
    assert workspace.evaluation(inputs.key).stat().st_mtime_ns == before
    assert PredictionReader(tmp_path).of(inputs.key) == ()
