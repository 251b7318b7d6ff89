"""One task: what a stack of models learns from, and for how long; the way it learns is chosen for each stack."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from ase import Atoms

from al_core.config.training import AnchoredTuning, AnyTuning, RidgeTuning, Training
from al_core.models.engine.stack import Stack
from al_core.models.training.checkpoint import Checkpoint
from al_core.models.training.descent import descend
from al_core.models.training.loss import Batches, Labelled
from al_core.models.training.tuning import tuning
from al_core.models.training.tuning.anchored import Anchored, in_batches, minimise, summed
from al_core.models.training.tuning.ridge import solve


@dataclass(frozen=True)
class TrainingTask:
    """What is learned.

    Attributes:
        labelled: structures with labels.
        settings: steps, batch size, loss weights, averaging.
        learning_rate: the largest.
        seed: of the order of the batches.
        unlabelled: structures of the target for ways that use them.
        checkpoint: where the state of a long training is kept, for ways that descend step by step.
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

    def fit(
        self,
        models: Stack,
        way: AnyTuning,
        shares: np.ndarray | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[float | None]:
        """Train a stack in place; return the last losses, None where one is not finite.

        Args:
            models: the stack.
            way: what of it is free, and what holds it.
            shares: what each label counts for each member, [K, n_labels]; all the same if not given.
            progress: told the steps done.
        """
        if isinstance(way, RidgeTuning):
            return solve(models, self.labelled, self.settings, shares)
        if isinstance(way, AnchoredTuning):
            return self._held(models, way, shares, progress)
        batches = Batches(models, self.labelled, self.settings, np.random.default_rng(self.seed), shares)
        return descend(tuning(way, models), batches, self.settings, self.learning_rate, progress, self.checkpoint)

    def _held(
        self, models: Stack, way: AnchoredTuning, shares: np.ndarray | None, progress: Callable[[int], None]
    ) -> list[float | None]:
        """Train a stack that is held at its start: on all labels at once, or in batches where there are many."""
        held = Anchored(models, way.strength, self.labelled, self.unlabelled, self.seed)
        evaluations = min(way.evaluations, self.settings.steps)
        batched = in_batches(way, self.labelled, self.settings) if way.in_batches(len(self.labelled)) else None
        whole = self.settings.steps / max(1, batched.steps if batched else evaluations)

        def tell(done: int) -> None:
            progress(round(whole * done))

        if batched is None:
            return minimise(held, self.labelled, self.settings, evaluations, shares, tell)
        targets = partial(summed, standing_for=len(self.labelled))
        batches = Batches(models, self.labelled, batched, np.random.default_rng(self.seed), shares, targets)
        return descend(held, batches, batched, self.learning_rate, tell, self.checkpoint)
