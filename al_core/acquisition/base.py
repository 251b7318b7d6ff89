"""The contract of every acquisition."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from al_core.errors import SelectionError


@dataclass(frozen=True)
class Candidates:
    """What is known of the structures to choose from.

    Attributes:
        count: how many there are.
        forces: the committee's forces, eV/Å, [K, n_atoms, 3] for each candidate; None unless asked for.
        responses: of the candidates, [count, rows, dimensions], see :mod:`al_core.models.engine.gradient_features`;
            None unless asked for.
        known: responses of the structures that have a label, [n_labels, rows, dimensions].
    """

    count: int
    forces: Sequence[np.ndarray] | None = None
    responses: np.ndarray | None = None
    known: np.ndarray | None = None

    def check(self, k: int) -> None:
        """Raise :class:`~al_core.errors.SelectionError` if fewer than ``k`` are there, or one is unknown."""
        if k > self.count:
            raise SelectionError(f"{k} structures are to be chosen and {self.count} are left; make the pool larger")
        for said in (self.forces, self.responses):
            if said is not None and len(said) != self.count:
                raise SelectionError(f"{self.count} candidates, but the models were asked about {len(said)}")


Select = Callable[[Candidates, int, np.random.Generator], list[int]]


@dataclass(frozen=True)
class Acquisition:
    """A way to choose structures.

    Attributes:
        asks: what it has to know of the models: their forces, their responses, or nothing. An acquisition that asks
            nothing chooses the same structures for every arm.
        select: ``(candidates, k, rng) -> k unique indices``, the order is that of preference.
    """

    asks: Literal["nothing", "forces", "responses"]
    select: Select
