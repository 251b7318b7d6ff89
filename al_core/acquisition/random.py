"""Structures drawn at random without replacement: the baseline of every acquisition."""

import numpy as np

from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import RandomAcquisition


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: RandomAcquisition) -> list[int]:
    """Return k indices, each candidate as likely as any other."""
    candidates.check(k)
    return [int(index) for index in rng.permutation(candidates.count)[:k]]
