"""A potential as it is: measured once on the test set, energies but for a constant per atom."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.config.labelers import StillingerWeberLabeler
from al_core.errors import LabelError
from al_core.labels.store import LabelStore
from al_core.structures.datasets import write_labelled
from al_core.studies.records import zero_shot_record
from al_core.studies.workspace import Workspace
from al_core.studies.zero_shot import ZeroShotInputs, atomic_constants, evaluate_zero_shot
from al_core.types import Label
from calculators.base import make_labeler
from tests.calculators.cases import crystal

SHIFT_EV = -107.5  # another code's zero of energy, per atom


@pytest.fixture
def labeler() -> Any:
    return make_labeler(StillingerWeberLabeler())


@pytest.fixture
def workspace(tmp_path: Path, labeler: Any) -> Workspace:
    """A folder whose test set has the labeler's own labels, with another zero and forces that are 0.1 eV/Å off."""
    workspace = Workspace(tmp_path)
    labelled = []
    for repeat in (0, 1, 2):
        atoms = crystal("Ge", repeat) if repeat < 2 else crystal("Ge").repeat((2, 1, 1))
        atoms.info["config_type"] = "large" if repeat == 2 else "small"
        label: Label = labeler.label(atoms, tmp_path)
        moved = replace(label, energy=label.energy + SHIFT_EV * len(atoms), forces=label.forces + 0.1)
        labelled.append((atoms, moved))
    write_labelled(workspace.test, labelled)
    return workspace


@pytest.fixture
def inputs(workspace: Workspace, labeler: Any) -> ZeroShotInputs:
    return ZeroShotInputs(workspace.out, labeler.identity(), "content")


def test_the_zero_of_energies_does_not_count_and_everything_else_does(inputs: ZeroShotInputs, labeler: Any) -> None:
    evaluate_zero_shot(inputs, labeler)
    found = zero_shot_record(Workspace(inputs.out).evaluation(inputs.key))
    assert list(found.metrics) == ["all", "small", "large"]
    for errors in found.metrics.values():
        assert errors["energy_mae_meV_per_atom"] == pytest.approx(0, abs=1e-6)
        assert errors["force_mae_meV_per_A"] == pytest.approx(100, rel=1e-5)
        assert errors["stress_mae_GPa"] == pytest.approx(0, abs=1e-6)
        assert "force_deviation_meV_per_A" not in errors, "there is one model, which disagrees with nobody"
    assert found.core_seconds > 0


def test_it_is_measured_once(inputs: ZeroShotInputs, labeler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate_zero_shot(inputs, labeler)
    monkeypatch.setattr(type(labeler), "label", None)
    evaluate_zero_shot(inputs, labeler)
    Workspace(inputs.out).evaluation(inputs.key).write_text('{"metrics"')  # cut off
    evaluate_zero_shot(inputs, labeler)  # the labels are in the store
    workspace = Workspace(inputs.out)
    assert LabelStore(workspace.zero_shot_store).count() == 3
    assert not workspace.has_store, "they are no labels of the study, and are not exported with them"


def test_it_is_found_by_the_potential_and_the_test_set(inputs: ZeroShotInputs) -> None:
    other = make_labeler(StillingerWeberLabeler(three_body=2)).identity()
    keys = {inputs.key, replace(inputs, labeler=other).key, replace(inputs, test_hash="other").key}
    assert len(keys) == 3
    assert replace(inputs, out=Path("elsewhere")).key == inputs.key


def test_what_the_potential_cannot_do_is_said(
    inputs: ZeroShotInputs, labeler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Label:
        raise LabelError("no convergence")

    monkeypatch.setattr(type(labeler), "label", fails)
    with pytest.raises(LabelError, match=r"stillinger_weber fails for structure 0 of the test set: no convergence"):
        evaluate_zero_shot(inputs, labeler)


def test_each_element_has_a_constant() -> None:
    counts = np.array([[8, 0], [4, 4], [2, 30], [0, 2]])
    np.testing.assert_allclose(atomic_constants(counts, counts @ [3.0, -7.0]), [3.0, -7.0])
    one = np.array([[2], [8]])
    differences = np.array([2 * 1.0, 8 * 2.0])
    np.testing.assert_allclose(atomic_constants(one, differences), [1.5], err_msg="a large cell counts as a small one")
