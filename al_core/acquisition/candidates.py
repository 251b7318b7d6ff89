"""What every acquisition chooses from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_core.errors import SelectionError

_EQUAL = 1e-9  # relative difference of scores that rounding makes


def first_of_largest(scores: np.ndarray) -> int:
    """Return the index of the largest score, the first one of those that are equal but for rounding."""
    largest = scores.max()
    return int(np.argmax(scores >= largest - _EQUAL * abs(largest)))


@dataclass(frozen=True)
class Candidates:
    """What is known of the structures to choose from.

    Attributes:
        count: how many there are.
        forces: the committee's forces, eV/Å, [K, n_atoms, 3] for each candidate; None unless asked for.
        features: of the candidates, [count, rows, dimensions], as the acquisition asks: a row for each random
            combination of forces, or one row (:mod:`al_core.models.engine.gradient_features`,
            :mod:`al_core.models.engine.descriptors`); None unless asked for.
        components: force components of the candidates, of which their rows are a sample, [count]: a label shows all of
            them. None where a row is all that a label shows.
        labelled_features: features of the structures that have a label, [n_labels, rows, dimensions].
        labelled_components: their force components, [n_labels].
        target_features: of structures of the distribution that errors are to be small on, [n_target, rows, dimensions];
            None where the candidates are it.
        costs: expected core-seconds of the candidates' labels, [count]; None unless asked for.
        errors: mean absolute error of the committee's mean force against the label, eV/Å, [count]; None unless asked
            for, which only studies on data sets can.
    """

    count: int
    forces: Sequence[np.ndarray] | None = None
    features: np.ndarray | None = None
    components: np.ndarray | None = None
    labelled_features: np.ndarray | None = None
    labelled_components: np.ndarray | None = None
    target_features: np.ndarray | None = None
    costs: np.ndarray | None = None
    errors: np.ndarray | None = None

    def check(self, k: int) -> None:
        """Refuse a choice that cannot be made.

        Raises:
            SelectionError: fewer than ``k`` candidates are there, or something is known of another number of them.
        """
        if k > self.count:
            raise SelectionError(f"{k} structures are to be chosen and {self.count} are left; make the pool larger")
        known = {
            "forces": self.forces,
            "features": self.features,
            "components": self.components,
            "costs": self.costs,
            "errors": self.errors,
        }
        for what, values in known.items():
            if values is not None and len(values) != self.count:
                raise SelectionError(f"{self.count} candidates, but {what} of {len(values)}")

    def needed_features(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the features of the candidates and of what has a label, for an acquisition of some kind.

        Raises:
            SelectionError: there are none, or some are not finite.
        """
        features = self.features
        if features is None:
            raise SelectionError(f"{kind} needs the features of every candidate")
        labelled = features[:0] if self.labelled_features is None else self.labelled_features
        if not (np.isfinite(features).all() and np.isfinite(labelled).all()):
            raise SelectionError("the features are not finite for some structures: the model has diverged")
        return features, labelled

    def prices(self, kind: str, per_cost: bool) -> np.ndarray:
        """Return what the worth of each candidate is divided by, [count]: its cost, or one.

        Raises:
            SelectionError: costs are asked for, and there are none.
        """
        if not per_cost:
            return np.ones(self.count)
        if self.costs is None:
            raise SelectionError(f"{kind} per cost needs the cost of every candidate's label")
        return self.costs
