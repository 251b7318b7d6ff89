"""Power laws of learning curves."""

import numpy as np
import pytest

from al_core.studies.powerlaw import fit_power_law

BUDGETS = (1, 2, 4, 8, 16)


def _curve(prefactor: float, exponent: float, seeds: int, noise: float = 0.0) -> dict[int, dict[int, float]]:
    rng = np.random.default_rng(0)
    return {
        n: {seed: prefactor * n**-exponent * float(np.exp(noise * rng.normal())) for seed in range(seeds)}
        for n in BUDGETS
    }


def test_an_exact_power_law_is_found() -> None:
    found = fit_power_law(_curve(200, 0.4, 3))
    assert found is not None
    assert (found.prefactor, found.exponent) == pytest.approx((200, 0.4))
    assert found.interval == pytest.approx((0.4, 0.4)), "without noise nothing is uncertain"
    assert (found.budgets, found.seeds) == (BUDGETS, (0, 1, 2))
    assert found.error(4) == pytest.approx(200 * 4**-0.4)


def test_a_curve_that_rises_has_a_negative_exponent() -> None:
    found = fit_power_law(_curve(200, -0.2, 1))
    assert found is not None
    assert found.exponent == pytest.approx(-0.2)


def test_the_means_over_seeds_are_fitted() -> None:
    """Two seeds with errors of 1 and 3 at each budget: their mean is 2 everywhere, that of logarithms is not."""
    found = fit_power_law({n: {0: 1.0, 1: 3.0} for n in BUDGETS})
    assert found is not None
    assert (found.prefactor, found.exponent) == pytest.approx((2, 0))


@pytest.mark.parametrize("seeds", [3, 6, 12])
def test_the_interval_has_the_exponent_and_grows_with_the_noise(seeds: int) -> None:
    widths = []
    for noise in (0.02, 0.2):
        found = fit_power_law(_curve(200, 0.4, seeds, noise))
        assert found is not None
        assert found.interval is not None
        low, high = found.interval
        assert low <= found.exponent <= high
        widths.append(high - low)
    assert 0 < 3 * widths[0] < widths[1]


def test_nine_of_ten_intervals_of_many_seeds_hold_the_truth() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(60):
        curve = {n: {seed: 200 * n**-0.4 * float(np.exp(0.2 * rng.normal())) for seed in range(12)} for n in BUDGETS}
        found = fit_power_law(curve)
        assert found is not None
        assert found.interval is not None
        hits += found.interval[0] <= 0.4 <= found.interval[1]
    assert 48 <= hits <= 60


def test_too_few_budgets_have_no_fit_and_too_few_seeds_no_interval() -> None:
    curve = _curve(200, 0.4, 3)
    assert fit_power_law({n: curve[n] for n in (1, 2)}) is None
    assert fit_power_law({}) is None
    two = fit_power_law(_curve(200, 0.4, 2))
    assert two is not None
    assert two.interval is None


def test_seeds_that_lack_a_budget_are_left_out() -> None:
    curve = _curve(200, 0.4, 4)
    del curve[8][1]
    curve[1][1] = 1e6
    found = fit_power_law(curve)
    assert found is not None
    assert found.seeds == (0, 2, 3)
    assert found.exponent == pytest.approx(0.4)
    assert fit_power_law({1: {0: 3.0}, 2: {1: 2.0}, 4: {2: 1.0}}) is None, "no seed has all budgets"
    assert fit_power_law({1: {0: 3.0}, 2: {0: 0.0}, 4: {0: 1.0}}) is None, "no logarithm"
