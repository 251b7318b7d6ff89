import math

import numpy as np
import pytest

from al_core.studies.results import Row
from al_core.studies.statistics import Reach, labels_saved, labels_to_reach, transfer_differences

FORCE = "force_mae_meV_per_A"


def rows(curves, *, comparison="shared", acquisition="random"):
    """Rows of {arm: {budget: [error of seed 0, of seed 1, ...]}}; None is a cell that is not finished."""
    return [
        Row(comparison, arm, acquisition, seed, budget, f"{arm}{seed}{budget}", {"all": {FORCE: value}}, (), (), 1.0)
        for arm, budgets in curves.items()
        for budget, values in budgets.items()
        for seed, value in enumerate(values)
        if value is not None
    ]


def test_interpolation_is_linear_in_the_logarithms():
    # error = 100 / labels: 25 is reached at exactly 4, between the budgets 2 and 8
    assert labels_to_reach(25.0, [1, 2, 8], [100.0, 50.0, 12.5]).labels == pytest.approx(4.0)
    # from 100 at 1 to 50 at 8: sqrt(100 * 50) lies half way, at sqrt(8)
    assert labels_to_reach(math.sqrt(5000), [1, 8], [100.0, 50.0]).labels == pytest.approx(math.sqrt(8))
    assert labels_to_reach(50.0, [1, 2, 8], [100.0, 50.0, 12.5]) == Reach(2.0)


def test_an_error_outside_the_curve_is_a_bound():
    assert labels_to_reach(10.0, [1, 2, 8], [100.0, 50.0, 12.5]) == Reach(8.0, ">")
    assert labels_to_reach(100.0, [1, 2, 8], [100.0, 50.0, 12.5]) == Reach(1.0, "<=")
    assert labels_to_reach(10.0, [4], [20.0]) == Reach(4.0, ">")


def test_a_curve_that_rises_counts_by_its_running_minimum():
    # 60 is first reached at 2; that it is lost again at 4 does not matter
    assert labels_to_reach(60.0, [1, 2, 4, 8], [120.0, 60.0, 90.0, 30.0]) == Reach(2.0)
    # between 4 (envelope 60) and 8 (30): half way in the logarithm is sqrt(32)
    assert labels_to_reach(math.sqrt(1800), [1, 2, 4, 8], [120.0, 60.0, 90.0, 30.0]).labels == pytest.approx(
        math.sqrt(32)
    )


def test_labels_saved_by_a_good_and_a_bad_arm():
    found = labels_saved(
        rows(
            {
                "scratch": {1: [100.0], 2: [50.0], 4: [25.0]},
                "good": {1: [50.0], 2: [20.0]},
                "bad": {2: [100.0], 4: [50.0]},
            }
        ),
        "shared",
        "random",
        FORCE,
    )
    assert [(one.arm, one.budget_labels, one.baseline, one.ratio) for one in found] == [
        ("good", 1, Reach(2.0), 2.0),
        ("good", 2, Reach(4.0, ">"), 2.0),
        ("bad", 2, Reach(1.0, "<="), 0.5),
        ("bad", 4, Reach(2.0), 0.5),
    ]


def test_labels_saved_uses_mean_errors_and_gives_each_seed():
    (one,) = labels_saved(
        rows({"scratch": {1: [80.0, 120.0], 4: [20.0, 30.0]}, "transfer": {1: [40.0, 60.0]}}), "shared", "random", FORCE
    )
    # mean curve 100 -> 25 over 1 -> 4; its mean error 50 is reached at 2; each seed's own: 40 of 80 -> 20 at 2, too
    assert one.arm_error == 50.0
    assert one.baseline.labels == pytest.approx(2.0)
    assert [reach.labels for reach in one.by_seed] == pytest.approx([2.0, 2.0])


def test_a_seed_whose_baseline_lacks_a_budget_does_not_cut_the_curve_of_all():
    """One scratch cell failed: the others reach 50 at 8 labels, and so they are asked."""
    scratch = {1: [100.0, 100.0, 100.0], 8: [50.0, 50.0, None]}
    (one,) = labels_saved(rows({"scratch": scratch, "rescaled": {1: [50.0, 50.0, 50.0]}}), "shared", "random", FORCE)
    assert (one.seeds, one.baseline) == ((0, 1), Reach(8.0))


def test_labels_saved_in_an_unfinished_study_pairs_the_seeds():
    found = labels_saved(
        rows({"scratch": {1: [100.0, None], 2: [50.0, None]}, "transfer": {1: [50.0, 999.0], 2: [None, 10.0]}}),
        "shared",
        "random",
        FORCE,
    )
    assert [(one.budget_labels, one.seeds, one.arm_error, one.baseline) for one in found] == [
        (1, (0,), 50.0, Reach(2.0))
    ]


def test_without_a_baseline_nothing_is_saved_and_nothing_is_worse():
    lone = rows({"transfer": {1: [50.0]}})
    assert labels_saved(lone, "shared", "random", FORCE) == ()
    assert transfer_differences(lone, "random", FORCE) == ()


def test_differences_are_paired_by_seed_and_flag_the_worse_mean():
    worse, better = transfer_differences(
        rows(
            {"scratch": {1: [10.0, 20.0, 30.0], 2: [10.0, 20.0]}, "transfer": {1: [12.0, 19.0, 35.0], 2: [9.0, 20.0]}}
        ),
        "random",
        FORCE,
    )
    # differences 2, -1, 5: mean 2, s = 3, half width 4.302653 * 3 / sqrt(3) = 7.452413
    assert (worse.mean_difference, worse.seeds_worse, worse.negative) == (2.0, 2, True)
    assert (worse.spread.low, worse.spread.high) == pytest.approx((2 - 7.452413, 2 + 7.452413), abs=1e-5)
    assert worse.log_ratios == pytest.approx((np.log(1.2), np.log(0.95), np.log(35 / 30)))
    assert (better.mean_difference, better.seeds_worse, better.negative) == (-0.5, 0, False)
    assert (better.spread.low, better.spread.high, better.spread.kind) == (-1.0, 0.0, "range")


def test_no_ratio_is_made_of_an_error_that_is_zero():
    (still,) = transfer_differences(rows({"scratch": {1: [0.0, 1.0]}, "transfer": {1: [1.0, 1.0]}}), "random", FORCE)
    assert still.log_ratios == ()


def test_differences_need_the_same_labels_and_the_same_seed():
    curves = {"scratch": {1: [10.0, None]}, "transfer": {1: [None, 50.0]}}
    assert transfer_differences(rows(curves), "random", FORCE) == ()
    own = rows({"scratch": {1: [10.0]}, "transfer": {1: [50.0]}}, comparison="own")
    assert transfer_differences(own, "random", FORCE) == ()
