"""The steps of a round that compute. Who runs the rounds passes them in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from al_core.config.training import Training
from al_core.labels.obtaining import Obtained
from al_core.studies.keys import CalibrationInputs, EvaluationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.uncertainty.calibration import Calibration


@dataclass(frozen=True)
class LabelOutcome:
    """What came of asking for one label.

    Attributes:
        key: the label key.
        computed: whether this call computed it, or tried to; False where it, or its failure, was found.
        failure: why there is no label; '' where there is one.
        largest_force: of the label, eV/Å.
    """

    key: str
    computed: bool = False
    failure: str = ""
    largest_force: float = 0.0

    @classmethod
    def of(cls, obtained: Obtained) -> Self:
        """Return what came of a label that was obtained."""
        label = obtained.entry.label
        largest = float(np.linalg.norm(label.forces, axis=1).max()) if label else 0.0
        return cls(obtained.entry.key, obtained.attempts > 0, "" if label else obtained.entry.cause, largest)


def learnable(outcomes: Mapping[str, LabelOutcome], training: Training) -> dict[str, LabelOutcome]:
    """Return outcomes in which labels that training refuses have failed: with forces above ``largest_force``."""
    return {
        name: replace(
            one,
            failure=f"its label has a force of {one.largest_force:.3g} eV/Å, more than training.largest_force="
            f"{training.largest_force:g}",
        )
        if not one.failure and one.largest_force > training.largest_force
        else one
        for name, one in outcomes.items()
    }


@dataclass(frozen=True)
class SelectionOutcome:
    """What came of one selection: the ids of the structures, the most wanted first, or why there are none."""

    structures: tuple[str, ...] = ()
    failure: str = ""


class Steps(Protocol):
    """Each call returns when all of it is done, in the order of its arguments. Ids, paths and settings travel.

    A failure is a result with a cause, '' where there is none; whatever else goes wrong is raised.
    """

    def select(self, selections: Sequence[SelectionInputs]) -> list[SelectionOutcome]:
        """Select structures, or find them selected."""

    def label(self, structures: Sequence[str]) -> dict[str, LabelOutcome]:
        """Label structures, or find their labels; by structure id."""

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        """Train committees, or find them trained; return the causes of failures."""

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        """Evaluate trained committees, or find them evaluated; return the causes of failures."""


class GrowthSteps(Protocol):
    """The steps of growing one potential; see :class:`Steps`."""

    def train(self, committees: Sequence[ModelInputs]) -> list[str]:
        """See :meth:`Steps.train`."""

    def calibrate(self, inputs: CalibrationInputs) -> Calibration:
        """Find what a committee's disagreement stands for, or find it found."""

    def explore(self, explorations: Sequence[ExplorationInputs]) -> None:
        """Let walkers move, or find that they did."""

    def select(self, selections: Sequence[SelectionInputs]) -> list[SelectionOutcome]:
        """See :meth:`Steps.select`."""

    def label(self, structures: Sequence[str], file: Path) -> dict[str, LabelOutcome]:
        """Label structures of a file, or find their labels; by structure id."""

    def evaluate(self, evaluations: Sequence[EvaluationInputs]) -> list[str]:
        """See :meth:`Steps.evaluate`."""

    def deliver(self, model: ModelInputs, calibration: Calibration) -> None:
        """Write what the growth is for; see :func:`al_core.studies.delivery.deliver`."""
