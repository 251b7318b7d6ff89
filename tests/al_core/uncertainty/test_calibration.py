"""Calibration against numbers worked out by hand, and its coverage on errors of known size."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from al_core.uncertainty.calibration import (
    LEVELS,
    Calibration,
    Residuals,
    calibration,
    component_deviations,
    reliability,
)

ROOT3 = np.sqrt(3)


def _one(size: float, atoms: int = 1, deviation: float = 0.1) -> Residuals:
    """A structure whose errors are all of one size, in deviations of a component."""
    return Residuals(np.full((atoms, 3), size * deviation), np.full(atoms, ROOT3 * deviation))


def _normal(structures: int, factor: float, seed: int, atoms: int = 12) -> list[Residuals]:
    """Structures whose errors are normal, and so many times as large as the members disagree."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(structures):
        components = rng.uniform(0.05, 0.4, atoms)
        errors = factor * components[:, None] * rng.normal(size=(atoms, 3))
        found.append(Residuals(errors, ROOT3 * components))
    return found


def test_the_disagreement_about_an_atom_is_half_that_about_its_structure() -> None:
    """Variances of 1 and 7 hundredths: the mean is 4, and between each and the mean lie 2.5 and 5.5."""
    deviations = ROOT3 * np.sqrt([0.01, 0.07])
    np.testing.assert_allclose(component_deviations(deviations) ** 2, [0.025, 0.055])


def test_z_is_the_error_in_deviations_of_a_component() -> None:
    one = Residuals(np.array([[0.2, -0.1, 0.0], [0.3, 0.0, 0.6]]), ROOT3 * np.array([0.1, 0.1]))
    np.testing.assert_allclose(one.z(), [[2, -1, 0], [3, 0, 6]])
    np.testing.assert_allclose(one.z(2.0), [[1, -0.5, 0], [1.5, 0, 3]])


def test_a_disagreement_that_is_next_to_none_counts_as_a_little() -> None:
    np.testing.assert_allclose(component_deviations(np.array([0.0, 0.001])), [0.002, 0.002])
    assert np.isfinite(Residuals(np.full((1, 3), 0.01), np.zeros(1)).z()).all()
    assert calibration([Residuals(np.full((2, 3), 0.01), np.zeros(2))]).scale == pytest.approx(5.0)
    np.testing.assert_allclose(Calibration().expected_errors(np.zeros(2)), 0.002 * np.sqrt(2 / np.pi))


def test_the_scale_makes_the_mean_squared_z_one() -> None:
    residuals = _normal(7, 2.7, seed=0)
    found = calibration(residuals)
    assert np.mean([(one.z(found.scale) ** 2).mean() for one in residuals]) == pytest.approx(1)
    assert found.scale == pytest.approx(2.7, rel=0.15)
    assert reliability(found, residuals).zms == pytest.approx(1)


def test_each_structure_counts_the_same() -> None:
    """A large cell of errors of 1 and a single atom with 7: the mean square is 25, not that of all components."""
    found = calibration([_one(1.0, atoms=100), _one(7.0)])
    assert found.scale == pytest.approx(5.0)
    assert found.force_mae == pytest.approx((0.1 + 0.7) / 2)
    assert found.structures == 2


def test_without_labels_the_disagreement_is_taken_as_it_is() -> None:
    found = calibration([])
    assert (found.scale, found.structures, found.force_mae) == (1.0, 0, None)
    assert dict(found.widths) == pytest.approx({level: t.ppf((1 + level) / 2, 1) for level in LEVELS})


def test_few_structures_have_the_wide_intervals_of_student() -> None:
    """Four structures know the quantile of 68 %, of which one in three lies beyond, and not that of 90 %."""
    found = calibration([_one(size) for size in (4.0, 1.0, 3.0, 2.0)])
    scale = np.sqrt((16 + 1 + 9 + 4) / 4)
    assert found.scale == pytest.approx(scale)
    widths = dict(found.widths)
    assert widths[0.68] == pytest.approx(3.0 / scale), "0.68 x 4 = 2.72 structures: the third"
    assert widths[0.90] == pytest.approx(t.ppf(0.95, 4))
    assert widths[0.95] == pytest.approx(t.ppf(0.975, 4))


def test_nine_structures_know_the_quantile_of_90_percent_and_nineteen_that_of_95() -> None:
    for count, known in ((8, 0.68), (9, 0.90), (18, 0.90), (19, 0.95)):
        sizes = np.arange(1.0, count + 1)
        found = calibration([_one(size) for size in np.random.default_rng(0).permutation(sizes)])
        scale = np.sqrt((sizes**2).mean())
        for level, width in found.widths:
            rank = int(np.ceil(level * count - 1e-9))
            expected = sizes[rank - 1] / scale if level <= known else t.ppf((1 + level) / 2, count)
            assert width == pytest.approx(expected), (count, level)


def test_quantiles_weigh_structures_and_not_atoms() -> None:
    """One huge cell of small errors does not hide that nine structures of nine have larger ones."""
    small = [_one(0.1, atoms=5000), *(_one(size) for size in np.arange(1.0, 10.0))]
    widths = dict(calibration(small).widths)
    scale = calibration(small).scale
    assert widths[0.68] == pytest.approx(6.0 / scale), "0.68 x 10 = 6.8 structures: the seventh"


def test_a_wider_share_never_has_a_narrower_interval() -> None:
    """Of ten structures one is far off: its quantile of 90 % is beyond Student's of 95 %."""
    heavy = [*(_one(0.1) for _ in range(8)), _one(9.0), _one(9.0)]
    widths = dict(calibration(heavy).widths)
    assert widths[0.90] > t.ppf(0.975, 10)
    assert widths[0.95] == widths[0.90]


def test_intervals_cover_what_they_say() -> None:
    """On average over many draws a new structure's components lie within as often."""
    shares = []
    for draw in range(60):
        found = calibration(_normal(60, 2.0, seed=draw, atoms=4))
        shares.append([share for _, share in reliability(found, _normal(20, 2.0, 10_000 + draw, 4)).coverage])
    assert np.mean(shares, axis=0) == pytest.approx(np.array(LEVELS), abs=0.015)


def test_few_structures_cover_no_less_than_they_say() -> None:
    shares = []
    for draw in range(100):
        found = calibration(_normal(3, 2.0, seed=draw, atoms=4))
        shares.append([share for _, share in reliability(found, _normal(5, 2.0, 10_000 + draw, 4)).coverage])
    assert (np.mean(shares, axis=0) > np.array(LEVELS) - 0.03).all()


def test_expected_errors_are_the_errors_on_average() -> None:
    found = calibration(_normal(40, 2.5, seed=1))
    fresh = _normal(200, 2.5, seed=2)
    expected = np.mean([found.expected_errors(one.deviations).mean() for one in fresh])
    assert expected == pytest.approx(np.mean([np.abs(one.errors).mean() for one in fresh]), rel=0.08)


def test_expected_errors_of_the_structures_themselves_are_theirs_on_average() -> None:
    residuals = _normal(7, 2.5, seed=3)
    found = calibration(residuals)
    expected = np.mean([found.expected_errors(one.deviations).mean() for one in residuals])
    assert expected == pytest.approx(found.force_mae, rel=1e-12)


def test_one_structure_whose_members_agree_by_chance_hardly_moves_what_is_expected() -> None:
    usual = [_one(1.0) for _ in range(9)]
    odd = calibration([*usual, _one(10.0, deviation=0.02)])
    assert odd.scale == pytest.approx(np.sqrt((9 + 100) / 10))
    assert odd.mean_error == pytest.approx((9 * 0.1 + 0.2) / (9 * 0.1 + 0.02))


def test_a_calibration_of_before_expects_what_it_did() -> None:
    before = calibration(_normal(4, 1.7, 0)).as_dict()
    del before["mean_error"]
    deviations = np.array([ROOT3, ROOT3])
    np.testing.assert_allclose(
        Calibration.from_dict(before).expected_errors(deviations), before["scale"] * np.sqrt(2 / np.pi)
    )


def test_the_uncertainty_of_a_force_is_of_its_three_components() -> None:
    np.testing.assert_allclose(Calibration(2.0).uncertainties(np.array([0.3, 0.3])), [0.6, 0.6])
    np.testing.assert_allclose(Calibration(2.0).uncertainties(np.zeros(2)), 2 * ROOT3 * 0.002)


def test_nan_stays_nan() -> None:
    assert np.isnan(Calibration().expected_errors(np.array([np.nan]))).all()
    assert np.isnan(Calibration().uncertainties(np.array([np.nan]))).all()


@pytest.mark.parametrize("residuals", [[], _normal(3, 1.7, 0), _normal(20, 1.7, 0)], ids=["none", "few", "many"])
def test_a_calibration_survives_a_file(residuals: Any) -> None:
    found = calibration(residuals)
    assert Calibration.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_reliability_by_hand() -> None:
    found = Calibration(2.0, 9, ((0.68, 1.0), (0.90, 2.0)))
    inside = Residuals(np.full((1, 3), 0.1), np.full(1, ROOT3 * 0.1))  # z of 0.5
    mixed = Residuals(np.array([[0.3, 0.3, 0.5]] * 4), np.full(4, ROOT3 * 0.1))  # z of 1.5, 1.5, 2.5
    held = reliability(found, [inside, mixed])
    assert held.structures == 2
    assert held.zms == pytest.approx((0.25 + (2.25 + 2.25 + 6.25) / 3) / 2)
    assert dict(held.coverage) == pytest.approx({0.68: 0.5, 0.90: (1 + 2 / 3) / 2})
