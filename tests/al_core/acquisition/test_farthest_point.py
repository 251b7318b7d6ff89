"""Farthest points: clusters are covered, what is known is not, and forces and costs count where they are asked to."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import FarthestPointAcquisition
from al_core.errors import SelectionError


def _points(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)[:, None, :]


def _chosen(k: int, candidates: Candidates, **settings: Any) -> list[int]:
    return select(candidates, k, np.random.default_rng(0), FarthestPointAcquisition(**settings))


# two clusters, the second one farther from the origin
CLUSTERS = Candidates(6, features=_points((1, 0), (1.1, 0), (1, 0.1), (0, 5), (0, 5.1), (0.1, 5)))


def test_two_structures_cover_two_clusters_and_a_third_comes_after() -> None:
    chosen = _chosen(2, CLUSTERS)
    assert chosen[0] in (3, 4, 5)
    assert chosen[1] in (0, 1, 2)


def test_a_cluster_with_a_label_is_not_asked_again() -> None:
    assert _chosen(1, replace(CLUSTERS, labelled_features=_points((0, 5)))) == [1]
    assert _chosen(1, replace(CLUSTERS, labelled_features=_points((1, 0)))) == [4]


def test_each_is_the_farthest_from_all_before_it() -> None:
    points = np.random.default_rng(4).normal(size=(20, 1, 3))
    centres, taken = points[:2], []
    for index in _chosen(8, Candidates(18, features=points[2:], labelled_features=points[:2])):
        distances = np.linalg.norm(points[2:] - centres.reshape(1, -1, 3), axis=2).min(axis=1)
        distances[taken] = -1
        assert index == int(np.argmax(distances))
        taken.append(index)
        centres = np.concatenate([centres, points[2 + index : 3 + index]])


def test_guided_by_forces_the_strong_one_goes_before_a_farther_one() -> None:
    """Forces are the committee's mean: members that contradict each other stand for none."""
    weak, strong = np.full((2, 4, 3), 0.2), np.full((2, 4, 3), 0.5)
    contrary = np.stack([np.full((4, 3), 9.0), np.full((4, 3), -9.0)])
    candidates = Candidates(
        3,
        forces=[weak, strong, contrary],
        features=_points((2, 0), (0, 1), (0, 2)),
        labelled_features=_points((0, 0)),
    )
    assert _chosen(1, candidates) == [0]
    assert _chosen(2, candidates, force_guided=True) == [1, 0]
    with pytest.raises(SelectionError, match="guided by forces needs the committee's forces for every candidate"):
        _chosen(1, replace(candidates, forces=None), force_guided=True)
    with pytest.raises(SelectionError, match="forces are not finite"):
        _chosen(1, replace(candidates, forces=[weak, strong * np.nan, contrary]), force_guided=True)


def test_a_larger_cell_with_the_same_forces_is_not_stronger() -> None:
    small, large = np.full((2, 2, 3), 0.3), np.full((2, 16, 3), 0.2)
    candidates = Candidates(2, forces=[large, small], features=_points((0, 1), (1, 0)))
    assert _chosen(1, candidates, force_guided=True) == [1]


def test_per_cost_the_cheap_one_of_equals_is_preferred() -> None:
    candidates = Candidates(3, features=_points((1, 0), (0, 1), (0, 1.5)), costs=np.array([50.0, 40.0, 900.0]))
    assert _chosen(1, candidates) == [2]
    assert _chosen(1, candidates, per_cost=True) == [1]


def test_by_forces_structures_whose_combinations_differ_by_signs_are_the_same() -> None:
    rows = np.random.default_rng(0).normal(size=(3, 4))
    other = np.random.default_rng(1).normal(size=(3, 4)) * 0.5
    candidates = Candidates(2, features=np.array([-rows[::-1], other]), labelled_features=rows[None])
    assert _chosen(1, candidates, features="force_gradients") == [1]
    assert _chosen(1, candidates, features="energy_gradients") == [0]
