"""The steps of a round in this process, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from al_core.errors import SelectionError
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.learning.steps import LabelOutcome, SelectionOutcome
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.calibrations import calibrate_committee
from al_core.studies.committees import train_committee
from al_core.studies.delivery import deliver
from al_core.studies.evaluations import evaluate_committee
from al_core.studies.explorations import explore_committee
from al_core.studies.keys import CalibrationInputs, EvaluationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.studies.selections import select
from al_core.studies.workspace import Workspace
from al_core.types import Labeler
from al_core.uncertainty.calibration import Calibration


def attempt_selection(inputs: SelectionInputs) -> SelectionOutcome:
    """Select structures, or return why none can be selected."""
    try:
        return SelectionOutcome(select(inputs))
    except SelectionError as error:
        return SelectionOutcome(failure=str(error))


@dataclass(frozen=True)
class LocalSteps:
    """See :class:`al_core.learning.steps.Steps` and :class:`al_core.learning.steps.GrowthSteps`.

    Attributes:
        workspace: the study's folder, with its pool and label store.
        labeler: labels the structures of the pool.
    """

    workspace: Workspace
    labeler: Labeler

    def select(self, selections: Sequence[SelectionInputs]) -> list[SelectionOutcome]:
        """See :class:`al_core.learning.steps.Steps`."""
        return [attempt_selection(inputs) for inputs in selections]

    def label(self, structures: Sequence[str], file: Path | None = None) -> dict[str, LabelOutcome]:
        """See :class:`al_core.learning.steps.GrowthSteps`; the file is the pool's if not given."""
        pool = {structure_id(atoms): atoms for atoms in read_structures(file or self.workspace.pool)}
        store = LabelStore(self.workspace.store)
        outcomes = {}
        for name in structures:
            outcomes[name] = LabelOutcome.of(obtain_label(store, self.labeler, pool[name], self.workspace.label_files))
        return outcomes

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        """See :class:`al_core.learning.steps.Steps`."""
        return [train_committee(inputs) for inputs in committees]

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        """See :class:`al_core.learning.steps.Steps`."""
        return [evaluate_committee(inputs) for inputs in evaluations]

    def calibrate(self, inputs: CalibrationInputs) -> Calibration:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        return calibrate_committee(inputs)

    def explore(self, explorations: Sequence[ExplorationInputs]) -> None:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        for inputs in explorations:
            explore_committee(inputs)

    def deliver(self, model: ModelInputs, calibration: Calibration) -> None:
        """See :class:`al_core.learning.steps.GrowthSteps`."""
        deliver(model, calibration)
