"""The steps of a round that compute. Who runs the rounds passes them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from al_core.studies.keys import EvaluationInputs, ModelInputs, SelectionInputs


@dataclass(frozen=True)
class LabelOutcome:
    """What came of asking for one label.

    Attributes:
        key: the label key.
        computed: whether this call computed it, or tried to; False where it, or its failure, was found.
        failure: why there is no label; '' where there is one.
    """

    key: str
    computed: bool = False
    failure: str = ""


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
