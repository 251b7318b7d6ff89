"""Distances of structures in features, and which centre is the nearest."""

import numpy as np
import pytest

from al_core.acquisition import posterior
from al_core.acquisition.distances import Nearest


def _combinations(jacobian: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Gradients of random combinations of forces, as :mod:`al_core.models.engine.gradient_features` makes them."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(count, len(jacobian)))
    return np.asarray(signs @ jacobian / np.sqrt(len(jacobian)))


def test_those_of_energies_are_euclids() -> None:
    features = np.random.default_rng(0).normal(size=(5, 1, 6))
    nearest = Nearest(features, features[3:4], "energy_gradients")
    np.testing.assert_allclose(nearest.squares, ((features - features[3]) ** 2).sum(axis=(1, 2)), atol=1e-12)
    assert nearest.squares[3] == 0
    assert set(nearest.owners) == {0}


def test_those_of_forces_are_of_the_mean_outer_products_without_bias() -> None:
    rng = np.random.default_rng(1)
    jacobians = [rng.normal(size=(12, 5)) * size for size in (1.0, 2.0)]
    one, other = (jacobian.T @ jacobian / len(jacobian) for jacobian in jacobians)
    many = np.array([_combinations(jacobians[0], 8, seed) for seed in range(4000)])
    nearest = Nearest(many, [], "force_gradients")
    assert nearest.squares.mean() == pytest.approx((one**2).sum(), rel=0.03)
    centre = _combinations(jacobians[1], 4000, 5000)
    nearest.add(centre)
    assert nearest.squares.mean() == pytest.approx(((one - other) ** 2).sum(), rel=0.1)


def test_a_structure_is_at_no_distance_from_itself_in_other_combinations() -> None:
    jacobian = np.random.default_rng(1).normal(size=(12, 5))
    many = np.array([_combinations(jacobian, 200, seed) for seed in range(2)])
    nearest = Nearest(many, many[:1], "force_gradients")
    assert nearest.squares[0] == 0
    assert nearest.squares[1] < 0.02 * (jacobian**4).sum()


@pytest.mark.parametrize("of", ["energy_gradients", "force_gradients"])
def test_slices_change_nothing(of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(2).normal(size=(11, 3, 4)).astype(np.float32)
    whole = Nearest(features, features[:3], of)  # type: ignore[arg-type]
    monkeypatch.setattr(posterior, "_AT_ONCE", 4)
    sliced = Nearest(features, features[:3], of)  # type: ignore[arg-type]
    np.testing.assert_allclose(sliced.squares, whole.squares, atol=1e-12)
    assert np.array_equal(sliced.owners, whole.owners)


def test_without_centres_they_are_from_the_origin_and_then_no_more() -> None:
    features = np.array([[[1.0, 0.0]], [[0.1, 0.0]], [[-2.0, 0.0]]])
    nearest = Nearest(features, [], "energy_gradients")
    np.testing.assert_allclose(nearest.squares, [1, 0.01, 4])
    nearest.add(features[2])
    np.testing.assert_allclose(nearest.squares, [9, 4.41, 0], atol=1e-12)


def test_owners_are_the_nearest_centres_and_of_equally_near_ones_the_first() -> None:
    features = np.array([[[0.0, 1.0]], [[1.0, 1.0]], [[2.0, 1.0]]])
    nearest = Nearest(features, features[[0, 2]], "energy_gradients")
    assert nearest.owners.tolist() == [0, 0, 1]
