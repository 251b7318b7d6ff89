"""Variance reduction: labels that say most about the whole pool."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_core.acquisition import posterior, select
from al_core.acquisition.candidates import Candidates
from al_core.acquisition.posterior import EXPECTED, LEFT
from al_core.config.acquisition import VarianceReductionAcquisition
from al_core.errors import SelectionError


def _variance_reduction(rows: Any, k: int, labelled: Any = None) -> list[int]:
    candidates = Candidates(
        len(rows),
        features=np.asarray(rows, float)[:, None, :],
        labelled_features=None if labelled is None else np.asarray(labelled, float)[:, None, :],
    )
    return select(candidates, k, np.random.default_rng(0), VarianceReductionAcquisition())


def _relative(rows: np.ndarray) -> float:
    """The mean square error that is expected of a structure, over that of all."""
    return float((rows**2).sum(axis=1).mean() / EXPECTED**2)


def test_the_typical_is_preferred_to_the_strange() -> None:
    """Three alike that stand for much of the pool go before a lonely one that answers more strongly."""
    alike, strange = [1.0, 0.0, 0.0], [0.0, 1.2, 0.0]
    assert _variance_reduction([strange, alike, alike, alike], 2) == [1, 0]


def test_a_structure_that_answers_more_strongly_leaves_more_behind() -> None:
    """What is simulated is mostly along the first direction: the faint candidate that shows it goes first."""
    rows, simulated = np.array([[[0.1, 0.0]], [[0.0, 0.9]]]), np.array([[[1.0, 0.0]]] * 3 + [[[0.0, 0.9]]])
    candidates = Candidates(2, features=rows, target_features=simulated)
    assert select(candidates, 1, np.random.default_rng(0), VarianceReductionAcquisition()) == [0]


def test_what_is_known_is_not_asked_again() -> None:
    first, second = [1.0, 0.0], [0.0, 0.9]
    pool = [first, first, second, second]
    assert _variance_reduction(pool, 1) == [0]
    assert _variance_reduction(pool, 1, labelled=[first]) == [2]


def test_per_cost_two_cheap_labels_go_before_a_dear_one_that_says_little_more() -> None:
    rows = np.array([[1.3, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])[:, None, :]
    candidates = Candidates(4, features=rows, costs=np.array([300.0, 40.0, 40.0, 40.0]))

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
    candidates = Candidates(9, features=rows)
    (chosen,) = select(candidates, 1, np.random.default_rng(0), VarianceReductionAcquisition())
    flat = rows.reshape(27, 7) * EXPECTED / np.sqrt((rows**2).sum(2).mean())
    kernel = flat @ flat.T
    left = []
    for index in range(9):
        seen = slice(3 * index, 3 * index + 3)
        own = kernel[seen, seen] + LEFT**2 * _relative(flat[seen]) * np.eye(3)
        left.append(np.trace(kernel - kernel[:, seen] @ np.linalg.inv(own) @ kernel[seen]))
    assert chosen == int(np.argmin(left))


def test_what_is_simulated_is_preferred_to_what_is_common_among_the_candidates() -> None:
    """Most candidates are of one kind; the target is of the other, and only labels of that kind help it."""
    common, simulated = [1.0, 0.0], [0.0, 0.8]
    candidates = Candidates(4, features=np.array([common, common, common, simulated])[:, None, :])

    def chosen(target: Any, k: int = 1) -> list[int]:
        asked = replace(candidates, target_features=None if target is None else np.array(target)[:, None, :])
        return select(asked, k, np.random.default_rng(0), VarianceReductionAcquisition())

    assert chosen(None) == [0]
    assert chosen([simulated, simulated]) == [3]
    assert chosen([common]) == [0]
    assert chosen([common, *[simulated] * 4], k=2) == [3, 0]


@pytest.mark.parametrize("sampled", [False, True])
def test_the_choice_leaves_the_least_variance_of_the_target(sampled: bool) -> None:
    """Against brute force, label after label, with the covariance of a Gaussian process written down directly.

    Where rows are a sample of more components, each stands for so many and counts as often.
    """
    rng = np.random.default_rng(6)
    rows, target, known = (rng.normal(size=(count, 3, 7)) for count in (9, 4, 2))
    rows *= np.linspace(0.4, 1.6, 9)[:, None, None]
    candidates = Candidates(9, features=rows, labelled_features=known, target_features=target)
    components, of_known = np.full(9, 3), np.full(2, 3)
    if sampled:
        components, of_known = np.array([6, 24, 24, 3, 48, 24, 192, 24, 12]), np.array([24, 48])
        candidates = replace(candidates, components=components, labelled_components=of_known)
    chosen = select(candidates, 3, np.random.default_rng(0), VarianceReductionAcquisition())
    scale = EXPECTED / np.sqrt((rows**2).sum(2).mean())
    covariance = np.eye(7)

    def given(covariance: np.ndarray, one: np.ndarray, shown: int) -> np.ndarray:
        seen = scale * one
        own = seen @ covariance @ seen.T + LEFT**2 * 3 / shown * _relative(seen) * np.eye(3)
        return np.asarray(covariance - covariance @ seen.T @ np.linalg.inv(own) @ seen @ covariance)

    for one, shown in zip(known, of_known, strict=True):
        covariance = given(covariance, one, shown)
    expected: list[int] = []
    flat = target.reshape(-1, 7)
    for _ in range(3):
        left = [
            np.trace(flat @ given(covariance, one, shown) @ flat.T) for one, shown in zip(rows, components, strict=True)
        ]
        order = [int(index) for index in np.argsort(left) if index not in expected]
        expected.append(order[0])
        covariance = given(covariance, rows[order[0]], components[order[0]])
    assert chosen == expected


def test_many_candidates_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(5).normal(size=(11, 2, 6))
    candidates = Candidates(11, features=rows, target_features=rows[:7])
    whole = select(candidates, 5, np.random.default_rng(0), VarianceReductionAcquisition())
    monkeypatch.setattr(posterior, "_AT_ONCE", 3)
    assert select(candidates, 5, np.random.default_rng(0), VarianceReductionAcquisition()) == whole
