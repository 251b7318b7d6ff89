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
from al_core.studies import keys
from al_core.studies.evaluations import evaluate_committee
from al_core.studies.keys import EvaluationInputs, ModelInputs
from al_core.studies.records import property_record
from al_core.studies.workspace import Workspace


def _trained(source: Any, out: Path) -> ModelInputs:
    """Return the inputs of a committee that is there."""
    model = ModelInputs(out, ScratchArm(), "Ge", 0, ("L",), (), "", "", Training(steps=30), "cpu")
    folder = Workspace(out).models(model.key)
    for number, bundle in enumerate(source):
        save_bundle(relabel(bundle, "Ge"), folder / f"member-{number}")
    write_json(folder / "training.json", {"labels": ["L"], "members": [0, 1], "core_seconds": 1.0, "failure": ""})
    return model


def test_properties_need_no_test_set_and_are_evaluated_once(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = EvaluationInputs(_trained(source, tmp_path), LatticeEvaluation(phases=()), "")
    assert evaluate_committee(inputs) == ""
    found = property_record(Workspace(tmp_path).evaluation(inputs.key))
    assert found is not None
    lattice = found.measured.properties["lattice_constant_A"]
    assert lattice.value == pytest.approx(5.6, abs=0.4)
    assert found.wall_s > 0
    monkeypatch.setattr("al_core.studies.evaluations.of_committee", None)
    assert evaluate_committee(inputs) == "", "it is found"
    assert replace(inputs, subject="fcc").key != inputs.key


def test_what_an_earlier_version_measured_is_measured_again_with_stress(
    source: Any, ge_labelled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    model = _trained(source, tmp_path)
    inputs = EvaluationInputs(model, ErrorsEvaluation(), "reference")
    folder = workspace.models(model.key)
    write_labelled(workspace.test, ge_labelled)
    with monkeypatch.context() as before:
        before.setattr(keys, "_EVALUATIONS", 1)
        assert workspace.models(model.key) == folder, "a model's key knows nothing of evaluations"
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
