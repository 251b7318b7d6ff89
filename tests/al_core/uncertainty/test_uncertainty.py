"""Committee disagreement against numbers worked out by hand."""

import numpy as np
import pytest

from al_core.uncertainty.committee import force_deviation, structure_uncertainty

# two models, three atoms
FORCES = np.array(
    [
        [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [3.0, 1.0, -1.0]],
        [[-1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, -1.0, 1.0]],
    ]
)


def test_the_deviation_of_each_atom() -> None:
    # atom 0: variance 1 along x; atom 1: none; atom 2: 1 along each axis, sqrt(3)
    np.testing.assert_allclose(force_deviation(FORCES), [1.0, 0.0, np.sqrt(3)])


def test_the_uncertainty_of_a_structure_is_its_worst_atom() -> None:
    assert structure_uncertainty(FORCES) == pytest.approx(np.sqrt(3))
    assert structure_uncertainty(FORCES[:, :2]) == pytest.approx(1.0)


def test_the_variance_is_over_models() -> None:
    # three models: -1, 0 and 2 along z: mean 1/3, variance 5/3 - 1/9 = 14/9
    forces = np.zeros((3, 1, 3))
    forces[:, 0, 2] = [-1.0, 0.0, 2.0]
    np.testing.assert_allclose(force_deviation(forces), [np.sqrt(14 / 9)])


def test_what_all_models_say_does_not_count() -> None:
    np.testing.assert_allclose(force_deviation(FORCES + 7.0), force_deviation(FORCES))


def test_turning_the_structure_changes_nothing() -> None:
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    np.testing.assert_allclose(force_deviation(FORCES @ turn.T), force_deviation(FORCES))


def test_nan_stays_nan() -> None:
    spoiled = FORCES.copy()
    spoiled[0, 1, 2] = np.nan
    assert np.isnan(structure_uncertainty(spoiled))
