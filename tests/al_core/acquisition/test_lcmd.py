"""Largest cluster maximum distance: the cluster with most to say, not the loneliest outlier."""

from typing import Any

import numpy as np

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import FarthestPointAcquisition, LCMDAcquisition


def _points(points: Any) -> np.ndarray:
    return np.asarray(points, float)[:, None, :]


# one lonely structure, and twelve that are nearer to a label but many
LONELY = [(0.0, 3.0)]
MANY = [(10.0 + 1.5 * np.cos(angle), 1.5 * np.sin(angle)) for angle in np.linspace(0, 6, 11)] + [(10.0, 2.0)]
LABELLED = [(0.0, 0.0), (10.0, 0.0)]


def _chosen(k: int, points: Any, labelled: Any, costs: Any = None, **settings: Any) -> list[int]:
    known = _points(labelled) if labelled else None
    candidates = Candidates(len(points), features=_points(points), labelled_features=known, costs=costs)
    return select(candidates, k, np.random.default_rng(0), LCMDAcquisition(**settings))


def test_the_farthest_of_the_largest_cluster_is_taken() -> None:
    points = LONELY + MANY
    assert _chosen(1, points, LABELLED) == [12]
    candidates = Candidates(13, features=_points(points), labelled_features=_points(LABELLED))
    assert select(candidates, 1, np.random.default_rng(0), FarthestPointAcquisition()) == [0], "the outlier"


def test_against_a_loop_over_clusters() -> None:
    points, labelled = np.random.default_rng(3).normal(size=(30, 4)), np.random.default_rng(4).normal(size=(3, 4))
    centres, taken = list(labelled), []
    for index in _chosen(12, points, labelled.tolist()):
        distances = np.linalg.norm(points[:, None] - np.array(centres)[None], axis=2)
        owners, nearest = distances.argmin(axis=1), distances.min(axis=1)
        sizes = [(nearest[owners == number] ** 2).sum() for number in range(len(centres))]
        (members,) = np.nonzero(owners == int(np.argmax(sizes)))
        assert index == members[nearest[members].argmax()]
        taken.append(index)
        centres.append(points[index])
    assert len(set(taken)) == 12


def test_per_cost_the_cheap_one_of_equals_is_preferred_within_the_largest_cluster() -> None:
    points = [*LONELY, *[(10.0, 2.0)] * 4]
    costs = np.array([1.0, 60.0, 50.0, 40.0, 50.0])
    assert _chosen(1, points, LABELLED) == [1]
    assert _chosen(1, points, LABELLED, costs, per_cost=True) == [3], "not the cheapest of all, which is elsewhere"


def test_where_all_are_copies_of_what_is_taken_they_come_in_their_order() -> None:
    assert _chosen(4, [(1.0, 1.0), (2.0, 2.0), (1.0, 1.0), (2.0, 2.0)], []) == [1, 0, 2, 3]
