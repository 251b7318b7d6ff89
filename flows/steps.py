"""The steps of rounds, of a study and of a growth, as Prefect tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from prefect.futures import PrefectFuture

from al_core.config.labelers import AnyLabeler
from al_core.learning.steps import LabelOutcome, SelectionOutcome
from al_core.studies.keys import CalibrationInputs, EvaluationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.studies.lookup import calibrated, evaluated, explored, selected, trained
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration
from flows import tasks
from flows.runtime.progress import Counters

MODELS, EVALUATIONS, WALKERS = "committees trained", "committees evaluated", "walkers explored"
_TOGETHER = 8  # errors of a task: Prefect takes a good part of a second for each task, as one evaluation of them does


@dataclass(frozen=True)
class TaskSteps:
    """See :class:`al_core.learning.steps.Steps`. What was done before is found here and starts no task.

    Attributes:
        workspace: the study's folder.
        labeler: settings of the labeler.
        counters: of the labels, trainings and evaluations that are done.
    """

    workspace: Workspace
    labeler: AnyLabeler
    counters: Counters

    def select(self, selections: Sequence[SelectionInputs]) -> list[SelectionOutcome]:
        """See :class:`al_core.learning.steps.Steps`."""
        known = [SelectionOutcome(found) if (found := selected(inputs)) else None for inputs in selections]
        return _all(known, [partial(tasks.select.submit, inputs) for inputs in selections])

    def label(self, structures: Sequence[str], file: Path | None = None) -> dict[str, LabelOutcome]:
        """See :class:`al_core.learning.steps.GrowthSteps`; the file is the pool's if not given."""
        where = file or self.workspace.pool
        futures = tasks.submit_labels(structures, self.labeler, self.workspace, where, self.counters)
        return tasks.outcomes_of(futures, self.counters)

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        """See :class:`al_core.learning.steps.Steps`. Committees of one key, of other label sets, are trained once."""
        unique = {inputs.key: inputs for inputs in committees}
        known = [found.failure if (found := trained(inputs)) else None for inputs in unique.values()]
        submit = [partial(tasks.train.submit, inputs, len(inputs.labels)) for inputs in unique.values()]
        self.counters.done(MODELS, len(committees) - len(unique))
        failures = dict(zip(unique, _all(known, submit, partial(self.counters.done, MODELS)), strict=True))
        return [failures[inputs.key] for inputs in committees]

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        """See :class:`al_core.learning.steps.Steps`."""
        unique = {inputs.key: inputs for inputs in evaluations}
        failures = {key: found.failure for key, inputs in unique.items() if (found := evaluated(inputs))}
        new = [inputs for key, inputs in unique.items() if key not in failures]
        self.counters.done(EVALUATIONS, len(evaluations) - len(new))
        errors = [inputs for inputs in new if inputs.evaluation.kind == "errors"]
        parts = [errors[start : start + _TOGETHER] for start in range(0, len(errors), _TOGETHER)]
        parts += [[inputs] for inputs in new if inputs.evaluation.kind != "errors"]
        for part, future in [(part, tasks.evaluate.submit(part, len(part))) for part in parts]:
            failures |= dict(zip((inputs.key for inputs in part), future.result(), strict=True))
            self.counters.done(EVALUATIONS, len(part))
        return [failures[inputs.key] for inputs in evaluations]


class GrowthTaskSteps(TaskSteps):
    """See :class:`al_core.learning.steps.GrowthSteps`: the steps of a study, and those that only a growth has."""

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        self.counters.expect(MODELS, len(committees))
        return super().train(committees)

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        self.counters.expect(EVALUATIONS, len(evaluations))
        return super().evaluate(evaluations)

    def calibrate(self, inputs: CalibrationInputs) -> Calibration:
        """See :class:`al_core.learning.steps.GrowthSteps`. The committees that lack labels are trained side by side."""
        if (known := calibrated(inputs)) is not None:
            return known
        self.train([model for model, _ in inputs.folds if model.labels])
        return tasks.calibrate.submit(inputs, len(inputs.drawn)).result()

    def explore(self, explorations: Sequence[ExplorationInputs]) -> None:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        self.counters.expect(WALKERS, sum(len(inputs.walkers) for inputs in explorations))
        new = [inputs for inputs in explorations if explored(inputs) is None]
        self.counters.done(WALKERS, sum(len(inputs.walkers) for inputs in explorations if inputs not in new))
        for inputs, future in [(inputs, tasks.explore.submit(inputs, len(inputs.walkers))) for inputs in new]:
            future.result()
            self.counters.done(WALKERS, len(inputs.walkers))

    def deliver(self, model: ModelInputs, calibration: Calibration) -> None:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        tasks.deliver.submit(model, calibration).result()


def _all(
    known: Sequence[Any], submit: Sequence[Callable[[], PrefectFuture[Any]]], count: Callable[[], None] = lambda: None
) -> list[Any]:
    """Return what is known, and the results of tasks for what is not; all tasks are submitted before one is awaited."""
    futures = [None if value is not None else start() for value, start in zip(known, submit, strict=True)]
    found = []
    for value, future in zip(known, futures, strict=True):
        found.append(value if future is None else future.result())
        count()
    return found
