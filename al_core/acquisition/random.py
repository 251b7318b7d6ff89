"""Structures drawn at random without replacement: the baseline of every acquisition."""

import numpy as np

from al_core.acquisition.base import Acquisition, Candidates


def select(candidates: Candidates, k: int, rng: np.random.Generator) -> list[int]:
    """Return k indices, each candidate as likely as any other."""
    candidates.check(k)
    return [int(index) for index in rng.permutation(candidates.count)[:k]]


RANDOM = Acquisition(asks="nothing", select=select)
