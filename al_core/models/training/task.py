"""A training task: what a stack of models learns from, and for how long. How it learns is its tuning."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ase import Atoms

from al_core.config.training import Training
from al_core.models.training.checkpoint import Checkpoint
from al_core.models.training.loss import Labelled


@dataclass(frozen=True)
class TrainingTask:
    """What is learned.

    Attributes:
        labelled: structures with labels.
        settings: steps, batch size, loss weights, averaging.
        learning_rate: the largest.
        seed: of the order of the batches.
        unlabelled: structures of the target, for tunings that read the pool.
        checkpoint: file of the state of a long training, for tunings that descend step by step.
    """

    labelled: Sequence[Labelled]
    settings: Training
    learning_rate: float
    seed: int
    unlabelled: Sequence[Atoms] = ()
    checkpoint: Checkpoint | None = None

    def shorter(self, share: float) -> "TrainingTask":
        """Return the same task with a share of the steps."""
        return replace(self, settings=self.settings.model_copy(update={"steps": round(share * self.settings.steps)}))
