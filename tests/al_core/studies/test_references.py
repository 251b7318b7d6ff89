"""What properties are measured against: computed once, from labels that are counted apart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import al_core.labels.calculator
from al_core.config.evaluation import ElasticEvaluation, LatticeEvaluation
from al_core.config.labelers import StillingerWeberLabeler
from al_core.labels.store import LabelStore
from al_core.studies.keys import ReferenceInputs
from al_core.studies.records import reference_record
from al_core.studies.references import compute_reference, keep_reference, spent_on_references
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler


@pytest.fixture
def labeler() -> Any:
    return make_labeler(StillingerWeberLabeler())


@pytest.fixture
def inputs(tmp_path: Path, labeler: Any) -> ReferenceInputs:
    return ReferenceInputs(tmp_path, labeler.identity(), "Si", "", LatticeEvaluation(phases=()))


def test_a_reference_of_labels_that_cost_nothing_needs_no_store(inputs: ReferenceInputs, labeler: Any) -> None:
    workspace = Workspace(inputs.out)
    compute_reference(inputs, labeler)
    found = reference_record(workspace.reference(inputs.key))
    assert found is not None
    assert found.properties["lattice_constant_A"].value == pytest.approx(5.431, abs=1e-3)
    assert not workspace.has_store
    assert not workspace.requests.exists(), "what the study itself asked for is kept elsewhere"


def test_what_labels_of_a_reference_cost_is_counted_once_whoever_stopped_it(
    inputs: ReferenceInputs, labeler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is deleted, as if the process had been killed just before it: the labels are there, and paid."""
    monkeypatch.setattr(al_core.labels.calculator, "_WITHOUT_STORE_S", 0.0)
    workspace = Workspace(inputs.out)
    compute_reference(inputs, labeler)
    entries = LabelStore(workspace.store).entries()
    assert len(entries) == 19, "thirteen volumes to find the least energy, seven to fit, one of them the same"
    spent = spent_on_references(workspace, [inputs.key])
    assert spent["reference_labels"] == 19
    assert spent["reference_core_seconds"] == pytest.approx(sum(entry.core_seconds for entry in entries))
    workspace.reference(inputs.key).unlink()
    compute_reference(inputs, labeler)
    assert [entry.key for entry in LabelStore(workspace.store).entries()] == [entry.key for entry in entries]
    assert spent_on_references(workspace, [inputs.key]) == spent


def test_a_label_that_two_references_share_is_counted_once(
    inputs: ReferenceInputs, labeler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(al_core.labels.calculator, "_WITHOUT_STORE_S", 0.0)
    workspace, other = Workspace(inputs.out), replace(inputs, evaluation=ElasticEvaluation())
    compute_reference(inputs, labeler)
    compute_reference(other, labeler)
    entries = LabelStore(workspace.store).entries()
    for keys in ([inputs.key, other.key], [other.key, inputs.key]):
        spent = spent_on_references(workspace, keys)
        assert spent["reference_labels"] == len(entries) > 19
        assert spent["reference_core_seconds"] == pytest.approx(sum(entry.core_seconds for entry in entries))


def test_a_reference_is_found_by_labeler_element_crystal_and_settings(inputs: ReferenceInputs) -> None:
    others = [
        replace(inputs, labeler={**inputs.labeler, "three_body": 2.0}),
        replace(inputs, material="Ge"),
        replace(inputs, crystal="fcc"),
        replace(inputs, evaluation=ElasticEvaluation()),
        replace(inputs, evaluation=LatticeEvaluation(phases=("fcc",))),
    ]
    assert len({inputs.key, *(other.key for other in others)}) == 6


def test_one_that_was_read_is_kept_in_the_study(inputs: ReferenceInputs, labeler: Any, tmp_path: Path) -> None:
    compute_reference(inputs, labeler)
    measured = reference_record(Workspace(tmp_path).reference(inputs.key))
    assert measured is not None
    other = tmp_path / "other"
    assert reference_record(Workspace(other).reference(keep_reference(other, measured))) == measured
