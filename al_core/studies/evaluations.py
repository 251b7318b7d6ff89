"""One evaluation of a committee: made once, and found again by its evaluation key."""

from al_core.errors import TrainingError
from al_core.evaluation import EVALUATIONS
from al_core.evaluation.result import EvaluationResult
from al_core.models.engine.stack import pick_device
from al_core.storage.files import write_arrays, write_json
from al_core.structures.datasets import LabelKeys, labelled_structures
from al_core.studies.committees import load_committee
from al_core.studies.keys import EvaluationInputs
from al_core.studies.lookup import evaluated
from al_core.studies.workspace import Workspace


def evaluate_committee(inputs: EvaluationInputs) -> str:
    """Evaluate a trained committee, if that is not done yet; return '' or why it failed."""
    if (known := evaluated(inputs)) is not None:
        return known.failure
    workspace = Workspace(inputs.model.out)
    test = labelled_structures(workspace.test, LabelKeys())
    result = EvaluationResult({"metrics": {}, "members_force_mae_meV_per_A": []})
    failure = ""
    try:
        evaluate = EVALUATIONS[inputs.evaluation.kind]
        result = evaluate(load_committee(inputs.model), test, pick_device(inputs.model.device))
    except TrainingError as error:
        failure = str(error)
    record = {"model": inputs.model.key, "evaluation": inputs.evaluation.model_dump(mode="json"), "failure": failure}
    if result.arrays:  # before the record, which says that the evaluation is done
        write_arrays(workspace.evaluation_arrays(inputs.key), result.arrays)
    write_json(workspace.evaluation(inputs.key), {**record, **result.record})
    return failure
