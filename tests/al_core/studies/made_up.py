"""The folder of a made-up study, as the steps of rounds write it."""

from al_core.storage.files import write_json
from al_core.studies.grid import Learner, learners
from al_core.studies.index import write_index
from al_core.studies.records import Cell
from al_core.studies.results import METRICS
from al_core.studies.workspace import Workspace
from tests.helpers import study_config

METRIC_VALUES = {metric: 10.0 + number for number, metric in enumerate(METRICS)} | {"n_structures": 3}
BETTER = {metric: value - 1.0 for metric, value in METRIC_VALUES.items()}


def write_finished(workspace: Workspace, number: int, metrics: dict[str, float]) -> Cell:
    """Write the records of a committee and its errors, as the steps of a round do."""
    model, evaluation = f"m{number}", f"e{number}"
    record = {"labels": ["La", "Lb"], "members": [], "core_seconds": 5.0 + number, "failure": ""}
    write_json(workspace.models(model) / "training.json", record)
    values = {"metrics": {"all": metrics, "bulk": metrics}, "members_force_mae_meV_per_A": [11.0, 12.0], "failure": ""}
    write_json(workspace.evaluation(evaluation), values)
    return Cell(model, {"errors": evaluation})


def write_study(workspace: Workspace, failing: str = "") -> dict[tuple[Learner, int], Cell]:
    """Write a study of two arms on the same random labels, at the first of two budgets."""
    config = study_config(name="results", arms=["scratch", "transfer"], seeds=[0])
    cells = {}
    for number, learner in enumerate(learners(config)):
        metrics = METRIC_VALUES if learner.arm.is_baseline else BETTER
        failed = learner.arm.kind == failing
        cells[learner, 1] = (
            Cell("m9", {}, "the loss is not finite") if failed else write_finished(workspace, number, metrics)
        )
    write_index(workspace, config, cells, {"labels_done": 3}, {"pool": {"hash": "abc"}}, {}, {})
    return cells
