import pytest

from al_core.studies.curves import Curve, Point, Spread, learning_curves, rises, seed_values, spread_of
from al_core.studies.results import Row

FORCE = "force_mae_meV_per_A"


def row(arm, budget, seed, value, *, comparison="shared", acquisition="random", slice_name="all"):
    key = f"{comparison}-{arm}-{acquisition}-{seed}-{budget}"
    return Row(comparison, arm, acquisition, seed, budget, key, {slice_name: {FORCE: value}}, (), (), 1.0)


def test_one_seed_has_no_spread_and_two_have_their_range():
    assert spread_of([5.0]) == Spread(5.0, 5.0, "none")
    assert spread_of([7.0, 5.0]) == Spread(5.0, 7.0, "range")


def test_three_seeds_have_the_t_interval():
    # 1, 2, 3: s = 1, t(0.975, 2) = 4.302653, half width 4.302653 / sqrt(3) = 2.484138
    spread = spread_of([1.0, 3.0, 2.0])
    assert spread.kind == "t95"
    assert (spread.low, spread.high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-6)


def test_a_curve_has_seed_values_mean_and_spread_in_order_of_budget():
    rows = [
        row("scratch", 4, 1, 60.0),
        row("scratch", 1, 1, 110.0),
        row("scratch", 1, 0, 90.0),
        row("transfer", 1, 0, 80.0),
    ]
    scratch, transfer = learning_curves(rows, "shared", "random", FORCE)
    assert (scratch.arm, transfer.arm) == ("scratch", "transfer")
    assert [point.budget_labels for point in scratch.points] == [1, 4]
    first = scratch.points[0]
    assert (first.seeds, first.values, first.mean) == ((0, 1), (90.0, 110.0), 100.0)
    assert first.spread == Spread(90.0, 110.0, "range")
    assert scratch.at(4).values == (60.0,)
    assert scratch.at(2) is None


def test_the_lower_end_of_an_errors_interval_is_not_negative():
    (curve,) = learning_curves(
        [row("a", 1, seed, value) for seed, value in enumerate((1.0, 2.0, 9.0))], "shared", "random", FORCE
    )
    assert curve.points[0].spread.low == 0.0
    assert curve.points[0].mean == 4.0


def test_the_interval_of_a_bias_may_reach_below_zero():
    rows = [
        Row("shared", "a", "random", seed, 1, "", {"all": {"pressure_bias_GPa": value}}, (), (), 1.0)
        for seed, value in enumerate((1.0, 2.0, 9.0))
    ]
    (curve,) = learning_curves(rows, "shared", "random", "pressure_bias_GPa")
    assert curve.points[0].spread == spread_of([1.0, 2.0, 9.0])
    assert curve.points[0].spread.low < 0


def test_an_error_rises_where_the_interval_of_its_differences_by_seeds_is_above_zero():
    def point(budget, *values):
        return Point(budget, tuple(range(len(values))), values, sum(values) / len(values), spread_of(values))

    one, two, four = point(1, 10.0, 20.0, 30.0), point(2, 11.0, 21.1, 31.2), point(4, 14.0, 16.0, 40.0)
    assert rises(Curve("scratch", (one, two, four))) == [(one, two)], "far smaller than between seeds, but in each"
    assert rises(Curve("scratch", (point(1, 1.0), point(2, 1.1)))) != []
    assert rises(Curve("scratch", (point(1, 1.0, 2.0), point(2, 1.1, 1.9)))) == []


def test_other_comparisons_acquisitions_slices_and_metrics_do_not_count():
    rows = [
        row("a", 1, 0, 1.0),
        row("a", 1, 1, 2.0, comparison="own"),
        row("a", 1, 2, 3.0, acquisition="uncertainty"),
        row("a", 1, 3, 4.0, slice_name="liquid"),
    ]
    assert seed_values(rows, "shared", "random", FORCE) == {"a": {1: {0: 1.0}}}
    assert seed_values(rows, "shared", "random", FORCE, "liquid") == {"a": {1: {3: 4.0}}}
    assert seed_values(rows, "shared", "random", "energy_mae_meV_per_atom") == {}
    assert learning_curves([], "shared", "random", FORCE) == ()
