"""The structures with the largest committee force standard deviation, maximum over atoms."""

import numpy as np

from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import UncertaintyAcquisition
from al_core.errors import SelectionError
from al_core.uncertainty.committee import structure_uncertainty


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: UncertaintyAcquisition) -> list[int]:
    """Return the k most uncertain candidates, the most uncertain first; of equals the earlier one.

    Raises:
        SelectionError: too few candidates, no forces, or an uncertainty that is not finite.
    """
    candidates.check(k)
    if candidates.forces is None:
        raise SelectionError("uncertainty needs the committee's forces for every candidate")
    scores = np.array([structure_uncertainty(forces) for forces in candidates.forces])
    if not np.isfinite(scores).all():
        raise SelectionError("the committee's uncertainty is not finite for some candidates: a model has diverged")
    return [int(index) for index in np.argsort(-scores, kind="stable")[:k]]
