"""The structures with the largest committee force standard deviation, maximum over atoms."""

from collections.abc import Sequence

import numpy as np

from al_core.acquisition.base import Acquisition, require
from al_core.errors import SelectionError
from al_core.uncertainty.committee import structure_uncertainty


def select(n_candidates: int, forces: Sequence[np.ndarray] | None, k: int, rng: np.random.Generator) -> list[int]:
    """Return the k most uncertain candidates, the most uncertain first; of equals the earlier one.

    Raises:
        SelectionError: too few candidates, or an uncertainty that is not finite.
    """
    require(k, n_candidates)
    if forces is None or len(forces) != n_candidates:
        raise SelectionError("uncertainty needs the committee's forces for every candidate")
    scores = np.array([structure_uncertainty(candidate) for candidate in forces])
    if not np.isfinite(scores).all():
        raise SelectionError("the committee's uncertainty is not finite for some candidates: a model has diverged")
    return [int(index) for index in np.argsort(-scores, kind="stable")[:k]]


UNCERTAINTY = Acquisition(asks_models=True, select=select)
