"""What a study has done before, found by what goes into it. Nothing heavy is imported."""

from al_core.exploration.frames import Explored, Journey, read_frames
from al_core.studies.earlier import adopt_committee, earlier_selection
from al_core.studies.keys import CalibrationInputs, EvaluationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.studies.records import (
    EvaluationRecord,
    ModelRecord,
    PropertyRecord,
    evaluation_record,
    model_record,
    property_record,
    read_record,
)
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration


def trained(inputs: ModelInputs) -> ModelRecord | None:
    """Return the record of a committee that was trained before, or None."""
    workspace = Workspace(inputs.out)
    known = model_record(workspace.models(inputs.key))
    if known is None and adopt_committee(inputs):
        return model_record(workspace.models(inputs.key))
    return known


def evaluated(inputs: EvaluationInputs) -> EvaluationRecord | PropertyRecord | None:
    """Return the record of an evaluation that was made before, or None."""
    path = Workspace(inputs.model.out).evaluation(inputs.key)
    return evaluation_record(path) if inputs.evaluation.kind == "errors" else property_record(path)


def selected(inputs: SelectionInputs) -> tuple[str, ...] | None:
    """Return the structure ids of a selection that was made before, or None."""
    record = read_record(Workspace(inputs.out).selection(inputs.key), "selected")
    return tuple(record["selected"]) if record else earlier_selection(inputs)


def calibrated(inputs: CalibrationInputs) -> Calibration | None:
    """Return a calibration that was made before, or None."""
    record = read_record(Workspace(inputs.model.out).calibration(inputs.key), "calibration")
    return Calibration.from_dict(record["calibration"]) if record else None


def explored(inputs: ExplorationInputs) -> Explored | None:
    """Return an exploration that was made before, or None."""
    workspace = Workspace(inputs.model.out)
    record, file = read_record(workspace.exploration(inputs.key), "journeys"), workspace.frames(inputs.key)
    if record is None or not file.is_file():
        return None
    return Explored(tuple(read_frames(file)), tuple(Journey(**one) for one in record["journeys"]))
