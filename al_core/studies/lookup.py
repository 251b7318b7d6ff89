"""What a study has done before, found by what goes into it. Nothing heavy is imported."""

from al_core.studies.earlier import adopt_committee, earlier_selection
from al_core.studies.keys import EvaluationInputs, ModelInputs, SelectionInputs
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
