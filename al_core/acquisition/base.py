"""The contract of every acquisition."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from al_core.errors import SelectionError

Select = Callable[[int, Sequence[np.ndarray] | None, int, np.random.Generator], list[int]]


@dataclass(frozen=True)
class Acquisition:
    """A way to choose structures.

    Attributes:
        asks_models: whether it needs the committee's forces. An acquisition that asks no model chooses the same
            structures for every arm.
        select: ``(n_candidates, forces, k, rng) -> k unique indices``; ``forces`` holds [K, n_atoms, 3] in eV/Å for
            each candidate, or is None when ``asks_models`` is False. The order is the order of preference.
    """

    asks_models: bool
    select: Select


def require(k: int, n_candidates: int) -> None:
    """Raise :class:`~al_core.errors.SelectionError` if there are not enough candidates."""
    if k > n_candidates:
        raise SelectionError(f"{k} structures are to be chosen and {n_candidates} are left; make the pool larger")
