"""What may be claimed over seeds."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from al_core.studies.inference import efficiency, holm, paired, resamples, verdicts
from al_core.studies.statistics import Reach

BUDGETS = (1, 2, 4, 8, 16)


def _curve(prefactor: float, exponent: float, seeds: int = 5, noise: float = 0.0) -> dict[int, dict[int, float]]:
    rng = np.random.default_rng(0)
    factors = np.exp(noise * rng.normal(size=seeds))
    return {n: {seed: prefactor * factors[seed] * n**-exponent for seed in range(seeds)} for n in BUDGETS}


def test_the_ratio_is_that_of_the_curves() -> None:
    """100 / sqrt(n) against 200 / sqrt(n): four labels for each."""
    found = efficiency(_curve(100, 0.5), _curve(200, 0.5), 2)
    assert found is not None
    assert found.ratio.labels == pytest.approx(4)
    assert (found.low.labels, found.high.labels) == pytest.approx((4, 4)), "without noise nothing is uncertain"
    assert (found.ratio.bound, found.low.bound, found.high.bound) == ("", "", "")
    assert found.seeds == (0, 1, 2, 3, 4)


def test_the_ratio_is_of_prices_where_they_are_given() -> None:
    """Four labels of the baseline for each of the arm, at 30 each; the arm's cost more from seed to seed."""
    arm, base = _curve(100, 0.5), _curve(200, 0.5)
    own = {n: {seed: 10.0 * n * (seed + 1) for seed in range(5)} for n in BUDGETS}
    other = {n: dict.fromkeys(range(5), 30.0 * n) for n in BUDGETS}
    found = efficiency(arm, base, 2, paid=(own, other))
    assert found is not None
    assert found.ratio.labels == pytest.approx(30 * 8 / (20 * 3)), "seeds cost 1 to 5 times 20: 60 on average"
    assert found.low.labels < found.ratio.labels < found.high.labels, "what seeds pay differs"


def test_the_interval_has_the_ratio_and_grows_with_the_noise() -> None:
    """The same factor on both sides of a seed cancels in its ratio; the mean over seeds leaves little of it."""
    arm, base = _curve(100, 0.5), _curve(200, 0.5)
    rng = np.random.default_rng(1)
    widths = []
    for noise in (0.02, 0.1):
        noisy = {
            n: {seed: value * np.exp(noise * rng.normal()) for seed, value in one.items()} for n, one in arm.items()
        }
        found = efficiency(noisy, base, 2)
        assert found is not None
        assert found.low.labels <= found.ratio.labels <= found.high.labels
        widths.append(found.high.labels / found.low.labels)
    assert 1 < widths[0] < widths[1]
    both = efficiency(_curve(100, 0.5, noise=0.2), _curve(200, 0.5, noise=0.2), 2)
    assert both is not None
    assert both.high.labels / both.low.labels == pytest.approx(1, abs=0.05), "paired"


def test_what_the_baseline_never_reaches_is_a_bound() -> None:
    found = efficiency(_curve(10, 0.5), _curve(200, 0.5), 4)
    assert found is not None
    assert found.ratio == Reach(16 / 4, ">")
    assert found.high.bound == ">"
    begins = efficiency(_curve(300, 0.0), _curve(200, 0.5), 4)
    assert begins is not None
    assert begins.ratio == Reach(1 / 4, "<=")
    some = {2: {0: 100.0, 1: 30.0}}
    edge = efficiency(some, {n: dict.fromkeys((0, 1), 200.0 * n ** (-0.5)) for n in BUDGETS}, 2)
    assert edge is not None
    assert edge.high.bound == ">", "one of the two seeds alone is out of reach"
    assert edge.low.bound == ""


def test_only_seeds_of_both_sides_count() -> None:
    assert efficiency({2: {7: 1.0}}, _curve(200, 0.5), 2) is None
    assert efficiency(_curve(100, 0.5), {}, 2) is None
    partly = _curve(200, 0.5)
    del partly[16][0]
    found = efficiency(_curve(100, 0.5), partly, 2)
    assert found is not None
    assert found.seeds == (1, 2, 3, 4)


def test_a_paired_comparison_is_students() -> None:
    values = [-3.0, -1.0, -2.5, -4.0, -0.5]
    found, scipy = paired(values), ttest_1samp(values, 0)
    assert found.p == pytest.approx(scipy.pvalue)
    interval = scipy.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.verdict == "improved"
    assert paired([-value for value in values]).verdict == "harmed"
    assert paired([-1.0, 1.2, -0.8]).verdict == "undecided"
    assert paired([-9.0]).verdict == "undecided", "one seed shows nothing"
    assert paired([-1.0, -1.0]).verdict == "improved"
    assert paired([0.0, 0.0]).verdict == "undecided"


def test_the_seeds_a_claim_needs_find_it_four_times_in_five() -> None:
    found = paired([-2.0, 0.5, -1.0, 0.8])
    assert found.verdict == "undecided"
    needed = found.seeds_needed
    assert needed is not None
    rng = np.random.default_rng(0)
    effect, deviation = found.mean, float(np.std([-2.0, 0.5, -1.0, 0.8], ddof=1))
    shown = np.mean(ttest_1samp(rng.normal(effect, deviation, (4000, needed)), 0, axis=1).pvalue < 0.05)
    assert 0.78 < shown < 0.83
    assert paired([1e-6, -1e-6, 1.0, -1.0]).seeds_needed is None


def test_holm_corrects_the_smallest_most_and_keeps_the_order() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_verdicts_of_many_comparisons_are_corrected_for_their_number() -> None:
    clear, faint = [-3.0, -3.1, -2.9, -3.05], [-1.0, -2.0, -0.5, -1.4]
    assert paired(faint).verdict == "improved"
    assert paired(faint).p == pytest.approx(0.033, abs=0.005)
    assert verdicts([clear, faint]) == ["improved", "improved"]
    assert verdicts([clear, faint, [1.0, -1.0, 0.2], [0.5, -0.7, 0.1]]) == ["improved", "undecided"] + ["undecided"] * 2
    assert verdicts([]) == []


def test_all_resamples_are_those_that_chance_would_draw() -> None:
    """Three seeds: ten resamples of 27, and the ends are those of many random ones."""
    draws, weights = resamples(3, 0)
    assert len(draws) == 10
    assert weights.sum() == 27
    random, ones = resamples(7, 0)
    assert random.shape == (len(ones), 7)
    values = np.array([1.0, 2.0, 4.0])
    exact = np.average(values[draws].mean(axis=1) ** 2, weights=weights)
    chance = (values[np.random.default_rng(0).integers(3, size=(40000, 3))].mean(axis=1) ** 2).mean()
    assert exact == pytest.approx(chance, rel=0.01)
    many = {n: {seed: 100.0 * n**-0.5 * (1 + 0.1 * (seed % 3 - 1)) for seed in range(9)} for n in BUDGETS}
    found = efficiency(many, _curve(200, 0.5, seeds=9), 2)
    assert found is not None
    assert found.low.labels < found.ratio.labels < found.high.labels
