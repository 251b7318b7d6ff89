"""One evaluation of a committee: made once, and found again by its evaluation key."""

import time
from typing import Any

import numpy as np

from al_core.errors import TrainingError
from al_core.evaluation.errors import errors
from al_core.evaluation.measured import Measured
from al_core.evaluation.properties import of_committee
from al_core.models.engine.stack import pick_device
from al_core.storage.files import write_arrays, write_json
from al_core.structures.datasets import LabelKeys, labelled_structures
from al_core.studies.committees import load_committee
from al_core.studies.keys import EvaluationInputs
from al_core.studies.lookup import evaluated
from al_core.studies.workspace import Workspace

_NOTHING = {"metrics": {}, "members_force_mae_meV_per_A": [], **Measured({}).as_dict()}


def evaluate_committee(inputs: EvaluationInputs) -> str:
    """Evaluate a trained committee, if that is not done yet; return '' or why it failed."""
    if (known := evaluated(inputs)) is not None:
        return known.failure
    arrays: dict[str, np.ndarray] = {}
    result, failure, begin = _NOTHING, "", time.perf_counter()
    try:
        result, arrays = _evaluate(inputs)
    except TrainingError as error:
        failure = str(error)
    workspace = Workspace(inputs.model.out)
    record = {
        "model": inputs.model.key,
        "evaluation": inputs.evaluation.model_dump(mode="json"),
        "failure": failure,
        "wall_s": time.perf_counter() - begin,
    }
    if arrays:  # before the record, which says that the evaluation is done
        write_arrays(workspace.evaluation_arrays(inputs.key), arrays)
    write_json(workspace.evaluation(inputs.key), {**record, **result})
    return failure


def _evaluate(inputs: EvaluationInputs) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what an evaluation found, JSON-ready, and the arrays that are kept beside it.

    Raises:
        TrainingError: the models have diverged.
    """
    committee, device = load_committee(inputs.model), pick_device(inputs.model.device)
    if inputs.evaluation.kind == "errors":
        test = labelled_structures(Workspace(inputs.model.out).test, LabelKeys())
        return errors(committee, test, device)
    found = of_committee(committee, [inputs.evaluation], device, inputs.subject or None)
    return found[inputs.evaluation.kind].as_dict(), {}
