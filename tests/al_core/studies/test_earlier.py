"""Models that an earlier version trained are adopted, unless they would come out otherwise today."""

from dataclasses import replace
from pathlib import Path

import pytest

from al_core.config.arms import AnyArm, RescaledArm, ScratchArm, TransferArm
from al_core.config.training import AnchoredTuning, PlainTuning, Training
from al_core.storage.files import write_json, write_text
from al_core.studies import keys
from al_core.studies.keys import ModelInputs
from al_core.studies.lookup import trained
from al_core.studies.workspace import Workspace

INPUTS = ModelInputs(Path(), ScratchArm(), "Ge", 0, ("L",), (), "", "pool", Training(steps=30), "cpu")


def _trained_before(inputs: ModelInputs, monkeypatch: pytest.MonkeyPatch, schema: int = 16) -> Path:
    """Write the folder that an earlier schema left of a committee of one model, and return it."""
    with monkeypatch.context() as before:
        before.setattr(keys, "_MODELS", schema)
        folder = Workspace(inputs.out).models(inputs.key)
    for name in ("model.json", "weights.safetensors"):
        write_text(folder / "member-0" / name, "weights")
    write_json(folder / "training.json", {"labels": ["L"], "members": [0], "core_seconds": 7.0, "failure": ""})
    return folder


@pytest.mark.parametrize("schema", [14, 15, 16])
@pytest.mark.parametrize("arm", [ScratchArm(), TransferArm()])
def test_a_model_that_the_pool_does_not_shape_is_adopted(
    arm: AnyArm, schema: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = replace(INPUTS, out=tmp_path, arm=arm)
    folder = _trained_before(inputs, monkeypatch, schema)
    record = trained(inputs)
    assert record is not None
    assert (record.labels, record.core_seconds) == (("L",), 7.0)
    assert (Workspace(tmp_path).models(inputs.key) / "member-0" / "weights.safetensors").read_text() == "weights"
    assert not folder.exists()


@pytest.mark.parametrize("arm", [RescaledArm(tuning=PlainTuning()), TransferArm(tuning=AnchoredTuning())])
def test_a_model_that_the_pool_shapes_is_trained_again(
    arm: AnyArm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = replace(INPUTS, out=tmp_path, arm=arm)
    folder = _trained_before(inputs, monkeypatch)
    assert trained(inputs) is None
    assert folder.exists()


def test_half_of_a_committee_is_not_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = replace(INPUTS, out=tmp_path)
    folder = _trained_before(inputs, monkeypatch)
    (folder / "member-0" / "model.json").unlink()
    assert trained(inputs) is None


def test_what_a_killed_training_of_today_left_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = replace(INPUTS, out=tmp_path)
    _trained_before(inputs, monkeypatch)
    write_text(Workspace(tmp_path).models(inputs.key) / "member-0" / "model.json", "half")
    assert trained(inputs) is None, "the training that follows replaces it"
