"""Random numbers of sampled structures."""

from typing import Literal

import numpy as np

from al_core.storage.hashing import digest

Role = Literal["pool", "test", "source", "convergence"]  # what a set of structures is for


def generator(role: Role, part: str, seed: int, number: int) -> np.random.Generator:
    """Return the random numbers of one structure of a slice.

    They are seeded by the role of the set, the slice's name, the set's seed and the structure's number in the slice,
    and by nothing else: sets of two roles share no random numbers, and a slice stays as it is where others are added,
    reordered or changed.
    """
    return np.random.default_rng(int(digest([role, part, seed, number]), 16))
