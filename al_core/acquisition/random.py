"""Structures drawn at random without replacement: the baseline of every acquisition."""

from collections.abc import Sequence

import numpy as np

from al_core.acquisition.base import Acquisition, require


def select(n_candidates: int, forces: Sequence[np.ndarray] | None, k: int, rng: np.random.Generator) -> list[int]:
    """Return k indices, each candidate as likely as any other."""
    require(k, n_candidates)
    return [int(index) for index in rng.permutation(n_candidates)[:k]]


RANDOM = Acquisition(asks_models=False, select=select)
