"""What every acquisition chooses from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_core.errors import SelectionError


@dataclass(frozen=True)
class Candidates:
    """What is known of the structures to choose from.

    Attributes:
        count: how many there are.
        forces: the committee's forces, eV/Å, [K, n_atoms, 3] for each candidate; None unless asked for.
        gradient_features: of the candidates, [count, rows, dimensions], see
            :mod:`al_core.models.engine.gradient_features`; None unless asked for.
        labelled_features: gradient features of the structures that have a label, [n_labels, rows, dimensions].
        target_features: of structures of the distribution that errors are to be small on, [n_target, rows, dimensions];
            None where the candidates are it.
        costs: expected core-seconds of the candidates' labels, [count]; None unless asked for.
    """

    count: int
    forces: Sequence[np.ndarray] | None = None
    gradient_features: np.ndarray | None = None
    labelled_features: np.ndarray | None = None
    target_features: np.ndarray | None = None
    costs: np.ndarray | None = None

    def check(self, k: int) -> None:
        """Refuse a choice that cannot be made.

        Raises:
            SelectionError: fewer than ``k`` candidates are there, or something is known of another number of them.
        """
        if k > self.count:
            raise SelectionError(f"{k} structures are to be chosen and {self.count} are left; make the pool larger")
        known = {"forces": self.forces, "gradient features": self.gradient_features, "costs": self.costs}
        for what, values in known.items():
            if values is not None and len(values) != self.count:
                raise SelectionError(f"{self.count} candidates, but {what} of {len(values)}")
