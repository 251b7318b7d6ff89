"""The rounds of a study: at each budget select, label, train, evaluate, for all label sets and arms together.

Phases follow each other, so that labels are computed in the largest batches and never beside training. Everything is
found again by its key, so that an interrupted round goes on where it stood.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from al_core.config.acquisition import AnyAcquisition, RandomAcquisition
from al_core.errors import LabelError, SelectionError, TrainingError
from al_core.learning.inputs import StudyInputs
from al_core.learning.steps import Steps, learnable
from al_core.studies.grid import LabelSet, Learner, label_sets, learners
from al_core.studies.keys import EvaluationInputs, ModelInputs, SelectionInputs
from al_core.studies.ledger import Requests
from al_core.studies.records import Cell

_FAILURES_BEFORE_STOPPING = 3  # one bad structure of few is bad luck


@dataclass
class Rounds:
    """A study under way.

    Attributes:
        inputs: what is studied.
        steps: what selects, labels, trains and evaluates.
        requests: what the study has asked labels of.
        labels: for each label set, its label keys in the order they were selected.
        ended: label sets that cannot grow any more, and why.
        failed: structures that could not be labelled, and why.
        cells: the finished cells.
    """

    inputs: StudyInputs
    steps: Steps
    requests: Requests
    labels: dict[LabelSet, list[str]] = field(default_factory=dict)
    ended: dict[LabelSet, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    cells: dict[tuple[Learner, int], Cell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.labels = {label_set: [] for label_set in label_sets(self.inputs.config)}

    def run(self) -> Iterator[int]:
        """Do one budget after the other; yield each when all of its cells are finished.

        Raises:
            LabelError: more labels failed than the config allows.
            TrainingError: more cells failed than the config allows.
            SelectionError: the pool has too few structures left for any label set.
        """
        for before, budget in pairwise((0, *self.inputs.config.budgets)):
            self._grow(before, budget)
            self._train(budget)
            yield budget
            self._stop_if_too_many_cells_failed()

    def _grow(self, before: int, budget: int) -> None:
        """Let every label set select and label until it has as many labels as the budget; failures are replaced."""
        while wanting := [one for one, keys in self.labels.items() if len(keys) < budget and one not in self.ended]:
            selections = self._selections(wanting, before, budget)
            chosen = dict(zip(selections, self.steps.select(list(selections.values())), strict=True))
            self.ended |= {label_set: outcome.failure for label_set, outcome in chosen.items() if outcome.failure}
            structures = list(dict.fromkeys(name for outcome in chosen.values() for name in outcome.structures))
            first = self.requests.ask([self.inputs.label_keys[name] for name in structures], budget)
            found = learnable(self.steps.label(structures), self.inputs.config.training)
            self.requests.write_down([one.key for one in found.values() if one.key in first and not one.computed])
            self.failed |= {name: outcome.failure for name, outcome in found.items() if outcome.failure}
            for label_set, outcome in chosen.items():
                self.labels[label_set] += [found[name].key for name in outcome.structures if not found[name].failure]
            self._stop_if_too_many_labels_failed()

    def _selections(self, wanting: list[LabelSet], before: int, budget: int) -> dict[LabelSet, SelectionInputs]:
        """Return what is selected next of label sets; those for which too few structures are left end."""
        selections, used_up = {}, None
        for label_set in wanting:
            try:
                selections[label_set] = self._selection(label_set, before, budget)
            except SelectionError as error:
                self.ended[label_set], used_up = str(error), error
        if used_up and len(self.ended) == len(self.labels):
            raise used_up
        return selections

    def _selection(self, label_set: LabelSet, before: int, budget: int) -> SelectionInputs:
        have, wanted = set(self.labels[label_set]), budget - len(self.labels[label_set])
        keys = self.inputs.label_keys
        allowed = self.inputs.candidates(label_set.acquisition, label_set.seed)
        candidates = tuple(n for n in allowed if keys[n] not in have and n not in self.failed)
        if wanted > len(candidates):
            raise SelectionError(
                f"{label_set}: {wanted} more structures are needed for {budget} labels and {len(candidates)} of the "
                f"pool are left ({len(self.failed)} could not be labelled); enlarge the pool or lower the budgets"
            )
        acquisition: AnyAcquisition = label_set.acquisition
        committee = describing = None
        labelled: tuple[str, ...] = ()
        if label_set.chooser is not None:
            if before == 0 and not label_set.chooser.uses_source:
                # untrained random weights know nothing to select by
                acquisition = RandomAcquisition(slices=acquisition.slices)
            else:
                learner = Learner(label_set.chooser, label_set)
                if acquisition.asks_forces:
                    committee = self._model(learner, before)
                if acquisition.asks == "features":
                    labelled = tuple(self.labels[label_set])
                    describing = self._model(learner, 0 if label_set.chooser.uses_source else before)
        costs = tuple(self.inputs.costs[name] for name in candidates) if acquisition.asks_costs else ()
        return SelectionInputs(
            out=self.inputs.workspace.out,
            acquisition=acquisition,
            seed=label_set.seed,
            candidates=candidates,
            k=wanted,
            committee=committee,
            describing=describing,
            labelled=labelled,
            costs=costs,
            # errors are to be small on the whole pool, wherever labels may come from
            target=self.inputs.pool_of(label_set.seed) if acquisition.asks_target and acquisition.slices else (),
            labels=tuple(keys[name] for name in candidates) if acquisition.asks == "errors" else (),
        )

    def _model(self, learner: Learner, budget: int) -> ModelInputs:
        return self.inputs.model(learner, tuple(self.labels[learner.label_set][:budget]))

    def _train(self, budget: int) -> None:
        config = self.inputs.config
        models: dict[Learner, ModelInputs] = {}
        for learner in learners(config):
            if learner.label_set in self.ended:
                failure = f"its labels cannot be selected: {self.ended[learner.label_set]}"
                self.cells[learner, budget] = Cell("", {}, failure)
            else:
                models[learner] = self._model(learner, budget)
        failures = dict(zip(models, self.steps.train(list(models.values())), strict=True))
        evaluations: dict[tuple[Learner, str], EvaluationInputs] = {
            (learner, evaluation.kind): self.inputs.evaluation(models[learner], evaluation)
            for learner, failure in failures.items()
            for evaluation in config.evaluations_at(budget)
            if not failure
        }
        evaluated = dict(zip(evaluations, self.steps.evaluate(list(evaluations.values())), strict=True))
        for learner, model in models.items():
            own: dict[str, str] = {kind: one.key for (whose, kind), one in evaluations.items() if whose == learner}
            causes = [failures[learner], *(evaluated[learner, kind] for kind in own)]
            self.cells[learner, budget] = Cell(model.key, own, next(filter(None, causes), ""))
        self._end_label_sets(budget)

    def _end_label_sets(self, budget: int) -> None:
        """Let no label set grow on whose committee, which selects, has failed."""
        for label_set in self.labels:
            if label_set.chooser is not None and label_set not in self.ended:
                cell = self.cells.get((Learner(label_set.chooser, label_set), budget))
                if cell is not None and cell.failure:
                    self.ended[label_set] = f"the committee that selects failed with {budget} labels: {cell.failure}"

    def _stop_if_too_many_labels_failed(self) -> None:
        used = {key for keys in self.labels.values() for key in keys}
        if self._too_many(len(self.failed), len(self.failed) + len(used)):
            raise LabelError(
                f"{len(self.failed)} of {len(self.failed) + len(used)} labels failed, more than max_failed_share="
                f"{self.inputs.config.max_failed_share:g}; the last: {list(self.failed.values())[-1]}; `graft study "
                f"status {self.inputs.workspace.out}` prints the causes, the labeler's outputs are in "
                f"{self.inputs.workspace.label_files}"
            )

    def _stop_if_too_many_cells_failed(self) -> None:
        failures = [cell.failure for cell in self.cells.values() if cell.failure]
        if self._too_many(len(failures), len(self.cells)):
            raise TrainingError(
                f"{len(failures)} of {len(self.cells)} cells failed, more than max_failed_share="
                f"{self.inputs.config.max_failed_share:g}; the first: {failures[0]}; `graft study status "
                f"{self.inputs.workspace.out}` prints all causes"
            )

    def _too_many(self, failed: int, asked: int) -> bool:
        return failed >= _FAILURES_BEFORE_STOPPING and failed > self.inputs.config.max_failed_share * asked
