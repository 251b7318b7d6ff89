"""Acquisitions: which structures are labelled next. One file each; this is their registry."""

from collections.abc import Callable
from typing import Any

import numpy as np

from al_core.acquisition import error_oracle, farthest_point, lcmd, max_det, random, uncertainty, variance
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import AnyAcquisition

_METHODS: dict[str, Callable[[Candidates, int, np.random.Generator, Any], list[int]]] = {
    "random": random.select,
    "uncertainty": uncertainty.select,
    "variance_reduction": variance.select,
    "max_det": max_det.select,
    "farthest_point": farthest_point.select,
    "lcmd": lcmd.select,
    "error_oracle": error_oracle.select,
}


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: AnyAcquisition) -> list[int]:
    """Return k unique indices of candidates, the most wanted first.

    Args:
        candidates: what is known of the structures to choose from; at least what ``settings.asks``.
        k: how many.
        rng: for what is left to chance.
        settings: which acquisition.

    Raises:
        SelectionError: there are fewer candidates, something about them is missing, or a model has diverged.
    """
    return _METHODS[settings.kind](candidates, k, rng, settings)
