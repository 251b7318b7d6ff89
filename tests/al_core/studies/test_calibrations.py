"""The calibration of a committee: every label drawn at random is predicted by models that do not know it, once."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.config.arms import TransferArm
from al_core.config.training import Training
from al_core.labels.store import LabelStore
from al_core.models.bundle import save_bundle
from al_core.models.prediction import Predictions, predict
from al_core.models.rescaling import relabel
from al_core.storage.hashing import structure_id
from al_core.studies import calibrations
from al_core.studies.calibrations import calibrate_committee
from al_core.studies.keys import CalibrationInputs, ModelInputs
from al_core.studies.lookup import calibrated
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration, Residuals, calibration
from al_core.uncertainty.committee import force_deviation


@pytest.fixture
def inputs(tmp_path: Path, source: Any, crystals: Any, sw_label: Any) -> CalibrationInputs:
    """A committee of eight labels, six of them drawn at random, that starts from two source models."""
    store, keys = LabelStore(Workspace(tmp_path / "out").store), []
    for number, atoms in enumerate(crystals("Ge", 8, seed=2)):
        keys.append(f"L{number}")
        assert store.claim(keys[-1], atoms, "sw")[0] == "yours"
        store.complete(keys[-1], sw_label(atoms))
    for number, bundle in enumerate(source):
        save_bundle(bundle, tmp_path / "source" / f"member-{number}")
    folders = tuple(sorted((tmp_path / "source").glob("member-*")))
    model = ModelInputs(
        tmp_path / "out", TransferArm(), "Ge", 0, tuple(keys), folders, "source", "", Training(steps=2), "cpu"
    )
    return CalibrationInputs(model, tuple(keys[number] for number in (0, 1, 3, 4, 6, 7)))


@dataclass
class Watch:
    """What is trained and predicted; every prediction is off by 0.2 eV/Å and its members disagree by 0.1 eV/Å."""

    labels: dict[str, str]  # structure to key
    forces: dict[str, np.ndarray]
    untrainable: str = ""  # committees that lack this label
    trained: list[tuple[str, ...]] = field(default_factory=list)
    predicted: list[tuple[tuple[str, ...], str]] = field(default_factory=list)  # labels of the models, and the label

    def train(self, model: ModelInputs) -> str:
        self.trained.append(model.labels)
        return "the loss is not finite" * bool(self.untrainable and self.untrainable not in model.labels)

    def predict(self, model: ModelInputs, structures: Any, device: Any) -> Predictions:
        forces = []
        for atoms in structures:
            key = self.labels[structure_id(atoms)]
            self.predicted.append((model.labels, key))
            right = self.forces[key]
            forces.append(np.stack([right + 0.1, right + 0.3]))
        return Predictions(np.zeros((len(forces), 2)), forces, np.zeros((len(forces), 2, 6)))


@pytest.fixture
def watch(inputs: CalibrationInputs, monkeypatch: pytest.MonkeyPatch) -> Watch:
    entries = LabelStore(Workspace(inputs.model.out).store).entries()
    labels = {entry.structure: entry.key for entry in entries}
    forces = {entry.key: entry.label.forces for entry in entries if entry.label}
    watch = Watch({structure_id(entry.atoms): entry.key for entry in entries}, forces)
    assert set(watch.labels.values()) == set(labels.values())
    monkeypatch.setattr(calibrations, "train_committee", watch.train)
    monkeypatch.setattr(calibrations, "load_committee", lambda model: model)
    monkeypatch.setattr(calibrations, "predict", watch.predict)
    return watch


def test_no_label_is_predicted_by_models_that_know_it(inputs: CalibrationInputs, watch: Watch) -> None:
    calibrate_committee(inputs)
    assert sorted(key for _, key in watch.predicted) == sorted(inputs.drawn), "each of them once"
    for known, key in watch.predicted:
        assert key not in known
    assert len(watch.trained) == 4
    assert {len(known) for known in watch.trained} == {6, 7}, "two folds lack two labels, two lack one"


def test_chosen_labels_are_in_every_training(inputs: CalibrationInputs, watch: Watch) -> None:
    calibrate_committee(inputs)
    chosen = set(inputs.model.labels) - set(inputs.drawn)
    assert chosen == {"L2", "L5"}
    assert all(chosen <= set(known) for known in watch.trained)


def test_the_disagreement_stands_for_the_errors(inputs: CalibrationInputs, watch: Watch) -> None:
    """The mean is off by 0.2, and the members are 0.1 from it, each component."""
    found = calibrate_committee(inputs)
    assert (found.scale, found.force_mae) == (pytest.approx(2.0), pytest.approx(0.2))
    assert found.structures == 6


def test_a_calibration_is_made_once(inputs: CalibrationInputs, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert calibrated(inputs) is None
    found = calibrate_committee(inputs)
    assert calibrated(inputs) == found
    trained = len(watch.trained)
    assert calibrate_committee(inputs) == found
    assert len(watch.trained) == trained
    calibrate_committee(replace(inputs, drawn=inputs.drawn[:5]))
    assert len(watch.trained) > trained, "of other labels it is another one"


def test_a_part_that_cannot_be_trained_says_nothing(inputs: CalibrationInputs, watch: Watch) -> None:
    watch.untrainable = "L0"
    found = calibrate_committee(inputs)
    assert "L0" not in {key for _, key in watch.predicted}
    assert found.structures == 6 - 2, "L0 and L6 share a part"


def test_without_drawn_labels_nothing_is_trained(inputs: CalibrationInputs, watch: Watch) -> None:
    assert calibrate_committee(replace(inputs, drawn=())) == calibration([])
    assert (watch.trained, watch.predicted) == ([], [])


def test_the_only_label_is_predicted_by_what_models_start_from(inputs: CalibrationInputs, cpu: Any) -> None:
    """There is nothing to train on without it; nothing is faked here."""
    alone = CalibrationInputs(replace(inputs.model, labels=("L3",)), ("L3",))
    found = calibrate_committee(alone)
    assert not (inputs.model.out / "models").exists()
    committee = calibrations.load_committee(replace(alone.model, labels=()))
    assert {relabel(bundle, "Ge").elements for bundle in committee} == {("Ge",)}
    entry = LabelStore(Workspace(inputs.model.out).store).get("L3")
    assert entry is not None
    assert entry.label is not None
    (forces,) = predict(committee, [entry.atoms], cpu).forces
    one = Residuals(forces.mean(axis=0) - entry.label.forces, force_deviation(forces))
    assert isinstance(found, Calibration)
    assert found.scale == pytest.approx(calibration([one]).scale)
    assert found.structures == 1


@pytest.mark.train
def test_parts_are_trained_and_kept(inputs: CalibrationInputs) -> None:
    small = replace(inputs, drawn=inputs.drawn[:2])
    found = calibrate_committee(small)
    assert found.structures == 2
    assert np.isfinite(found.scale)
    trained = {path.name for path in (inputs.model.out / "models").iterdir()}
    assert trained == {model.key for model, _ in small.folds}
