"""Variance reduction: labels that say most about the whole pool."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.acquisition.posterior import EXPECTED, LEFT
from al_core.config.acquisition import VarianceReductionAcquisition
from al_core.errors import SelectionError


def _variance_reduction(rows: Any, k: int, labelled: Any = None) -> list[int]:
    candidates = Candidates(
        len(rows),
        gradient_features=np.asarray(rows, float)[:, None, :],
        labelled_features=None if labelled is None else np.asarray(labelled, float)[:, None, :],
    )
    return select(candidates, k, np.random.default_rng(0), VarianceReductionAcquisition())


def test_the_typical_is_preferred_to_the_strange() -> None:
    """Three alike that stand for much of the pool go before a lonely one that answers more strongly."""
    alike, strange = [1.0, 0.0, 0.0], [0.0, 1.2, 0.0]
    assert _variance_reduction([strange, alike, alike, alike], 2) == [1, 0]


def test_what_is_known_is_not_asked_again() -> None:
    first, second = [1.0, 0.0], [0.0, 0.9]
    pool = [first, first, second, second]
    assert _variance_reduction(pool, 1) == [0]
    assert _variance_reduction(pool, 1, labelled=[first]) == [2]


def test_per_cost_two_cheap_labels_go_before_a_dear_one_that_says_little_more() -> None:
    rows = np.array([[1.3, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])[:, None, :]
    candidates = Candidates(4, gradient_features=rows, costs=np.array([300.0, 40.0, 40.0, 40.0]))

    def chosen(k: int, **settings: bool) -> list[int]:
        return select(candidates, k, np.random.default_rng(0), VarianceReductionAcquisition(**settings))

    assert chosen(1) == [0]
    assert set(chosen(2, per_cost=True)) == {1, 2}
    with pytest.raises(SelectionError, match="needs the cost of every candidate"):
        select(
            replace(candidates, costs=None), 1, np.random.default_rng(0), VarianceReductionAcquisition(per_cost=True)
        )


def test_the_choice_leaves_the_least_variance_of_all() -> None:
    """Against brute force over all candidates, with the covariance of a Gaussian process written down directly."""
    rows = np.random.default_rng(5).normal(size=(9, 3, 7)) * np.linspace(0.4, 1.6, 9)[:, None, None]
    candidates = Candidates(9, gradient_features=rows)
    (chosen,) = select(candidates, 1, np.random.default_rng(0), VarianceReductionAcquisition())
    flat = rows.reshape(27, 7) * EXPECTED / np.sqrt((rows**2).sum(2).mean())
    kernel = flat @ flat.T
    left = []
    for index in range(9):
        seen = slice(3 * index, 3 * index + 3)
        own = kernel[seen, seen] + LEFT**2 * np.eye(3)
        left.append(np.trace(kernel - kernel[:, seen] @ np.linalg.inv(own) @ kernel[seen]))
    assert chosen == int(np.argmin(left))
