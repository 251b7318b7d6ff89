"""The structures with the largest true force error: what no acquisition can know, for studies.

It shows what taking the worst is worth. It is no ceiling: the worst structures may say little about the others.
"""

import numpy as np

from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import ErrorOracleAcquisition
from al_core.errors import SelectionError


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: ErrorOracleAcquisition) -> list[int]:
    """Return the k candidates with the largest true error, the largest first; of equals the earlier one.

    Raises:
        SelectionError: too few candidates, no errors, or one that is not finite.
    """
    candidates.check(k)
    if candidates.errors is None:
        raise SelectionError("error_oracle needs the true error of every candidate")
    if not np.isfinite(candidates.errors).all():
        raise SelectionError("the committee's error is not finite for some candidates: a model has diverged")
    return [int(index) for index in np.argsort(-candidates.errors, kind="stable")[:k]]
