"""What the disagreement of one committee stands for: found once, and found again by its key."""

from collections.abc import Mapping
from typing import Any

from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.storage.files import write_json
from al_core.studies.committees import load_committee, train_committee
from al_core.studies.keys import CalibrationInputs, ModelInputs
from al_core.studies.lookup import calibrated
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration, Residuals, calibration
from al_core.uncertainty.committee import force_deviation


def calibrate_committee(inputs: CalibrationInputs) -> Calibration:
    """Return what a committee's disagreement stands for, by cross-validation over the labels drawn at random.

    Each drawn label is predicted by a committee that is trained without it, and without a part of the others. Labels
    that were chosen stay in every training. A part whose committee cannot be trained says nothing.
    """
    if (known := calibrated(inputs)) is not None:
        return known
    residuals = [one for fold in inputs.folds for one in _residuals(*fold)]
    found = calibration(residuals)
    record: Mapping[str, Any] = {"model": inputs.model.key, "drawn": inputs.drawn, "calibration": found.as_dict()}
    write_json(Workspace(inputs.model.out).calibration(inputs.key), record)
    return found


def _residuals(model: ModelInputs, keys: tuple[str, ...]) -> list[Residuals]:
    if model.labels and train_committee(model):
        return []
    store = LabelStore(Workspace(model.out).store)
    labelled = [finished(store, key) for key in keys]
    predicted = predict(load_committee(model), [atoms for atoms, _ in labelled], pick_device(model.device))
    return [
        Residuals(forces.mean(axis=0) - label.forces, force_deviation(forces))
        for forces, (_, label) in zip(predicted.forces, labelled, strict=True)
    ]
