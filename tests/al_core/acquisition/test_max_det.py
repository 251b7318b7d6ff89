"""The largest determinant: against brute force, given labels, for several rows and for their cost."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.acquisition.posterior import EXPECTED, LEFT
from al_core.config.acquisition import MaxDetAcquisition
from al_core.errors import SelectionError


def _chosen(k: int, features: Any, labelled: Any = None, costs: Any = None, **settings: Any) -> list[int]:
    candidates = Candidates(
        len(features), features=np.asarray(features, float), labelled_features=labelled, costs=costs
    )
    return select(candidates, k, np.random.default_rng(0), MaxDetAcquisition(**settings))


def _log_det(features: np.ndarray, scale: float, labelled: np.ndarray | None = None) -> float:
    """The determinant of the kernel of some structures, given those that have a label, written down directly."""
    some = scale * features.reshape(-1, features.shape[-1])
    kernel = some @ some.T
    if labelled is not None:
        known = scale * labelled.reshape(-1, features.shape[-1])
        across = some @ known.T
        kernel -= across @ np.linalg.solve(known @ known.T + LEFT**2 * np.eye(len(known)), across.T)
    return float(np.linalg.slogdet(kernel + LEFT**2 * np.eye(len(some)))[1])


@pytest.mark.parametrize("with_labels", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_pair_has_the_largest_determinant_of_all_pairs(seed: int, with_labels: bool) -> None:
    """Greedy is exact here: one structure answers so strongly that every best pair has it."""
    rng = np.random.default_rng(seed)
    features, labelled = rng.normal(size=(6, 3, 7)), rng.normal(size=(2, 3, 7)) if with_labels else None
    features[4] *= 3
    scale = EXPECTED / np.sqrt((features**2).sum(2).mean())
    best = max(combinations(range(6), 2), key=lambda pair: _log_det(features[list(pair)], scale, labelled))
    assert sorted(_chosen(2, features, labelled)) == list(best)


@pytest.mark.parametrize("seed", range(4))
def test_each_takes_what_makes_the_determinant_largest(seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(6, 3, 7))
    scale = EXPECTED / np.sqrt((features**2).sum(2).mean())
    taken: list[int] = []
    for index in _chosen(6, features):
        left = [other for other in range(6) if other not in taken]
        assert index == max(left, key=lambda other: _log_det(features[[*taken, other]], scale))
        taken.append(index)


def test_of_one_row_it_is_the_largest_variance_that_is_left() -> None:
    strong, copy, other = [3.0, 0.0], [2.9, 0.0], [0.0, 1.5]
    assert _chosen(3, [[other], [copy], [strong]]) == [2, 0, 1]
    assert _chosen(1, [[other], [copy], [strong]], labelled=np.array([[strong]])) == [0]


def test_of_equals_the_one_with_more_components_says_more() -> None:
    features = np.random.default_rng(0).normal(size=(1, 3, 7)).repeat(3, axis=0)
    candidates = Candidates(3, features=features, components=np.array([24, 192, 48]), costs=np.array([1.0, 50.0, 1.0]))
    assert select(candidates, 1, np.random.default_rng(0), MaxDetAcquisition()) == [1]
    assert select(candidates, 1, np.random.default_rng(0), MaxDetAcquisition(per_cost=True)) == [2]


def test_per_cost_the_cheap_one_of_equals_is_preferred() -> None:
    first, second = np.eye(4)[:2], np.eye(4)[2:]
    costs = np.array([50.0, 40.0, 900.0])
    features = np.array([first, second, 1.5 * second])
    assert _chosen(1, features, costs=costs) == [2]
    assert _chosen(2, features, costs=costs, per_cost=True) == [1, 0]
    candidates = Candidates(3, features=features)
    with pytest.raises(SelectionError, match="max_det per cost needs the cost of every candidate"):
        select(candidates, 1, np.random.default_rng(0), MaxDetAcquisition(per_cost=True))


def test_a_pool_that_no_weight_changes_is_taken_as_it_comes() -> None:
    assert _chosen(2, np.zeros((4, 2, 3))) == [0, 1]
