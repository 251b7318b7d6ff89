"""Which label sets grow, which arm learns from which of them, and what is done only once."""

from functools import partial
from typing import Any

import pytest

from al_core.config.arms import RescaledArm, ScratchArm, TransferArm
from al_core.config.study import StudyConfig
from al_core.studies.grid import LabelSet, Learner, all_series, baseline_of, label_sets, learners
from tests.helpers import study_config

ARMS = {"scratch": ScratchArm(), "transfer": TransferArm(), "rescaled": RescaledArm()}
study = partial(study_config, arms=list(ARMS), acquisitions=["random", "uncertainty"], seeds=[0, 1])


def _set(acquisition: str, seed: int, chooser: str = "") -> tuple[str, int, str]:
    return acquisition, seed, chooser


def _described(label_set: LabelSet) -> tuple[str, int, str]:
    return _set(label_set.acquisition.kind, label_set.seed, label_set.chooser.kind if label_set.chooser else "")


def _pairs(config: StudyConfig) -> set[tuple[str, Any]]:
    return {(learner.arm.kind, _described(learner.label_set)) for learner in learners(config)}


def test_every_series_of_the_grid_is_there_once() -> None:
    found = all_series(study())
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 3
    assert {(one.comparison, one.acquisition, one.seed, one.arm) for one in found} == {
        (comparison, acquisition, seed, arm)
        for comparison in ("shared", "own")
        for acquisition in ("random", "uncertainty")
        for seed in (0, 1)
        for arm in ARMS
    }


def test_in_the_own_comparison_each_arm_learns_from_its_own_selections() -> None:
    for one in all_series(study()):
        if one.comparison == "own":
            chooser = one.learner.label_set.chooser
            assert chooser == (None if one.acquisition == "random" else ARMS[one.arm])


@pytest.mark.parametrize(("leader", "expected"), [("", "rescaled"), ("scratch", "scratch"), ("transfer", "transfer")])
def test_in_the_shared_comparison_all_learn_from_the_leaders_selections(leader: str, expected: str) -> None:
    shared = [one for one in all_series(study(shared_leader=leader)) if one.comparison == "shared"]
    assert {one.chooser for one in shared if one.acquisition == "uncertainty"} == {expected}
    for seed in (0, 1):
        for acquisition in ("random", "uncertainty"):
            same = {o.learner.label_set for o in shared if (o.seed, o.acquisition) == (seed, acquisition)}
            assert len(same) == 1


def test_what_counts_in_both_comparisons_is_trained_once() -> None:
    config = study(seeds=[0])
    assert len(learners(config)) == len(_pairs(config))
    # random: 3 arms on one set; uncertainty: each on its own, and the two others on the leader's
    leaders = _set("uncertainty", 0, "rescaled")
    assert _pairs(config) == {
        *((arm, _set("random", 0)) for arm in ARMS),
        *((arm, _set("uncertainty", 0, arm)) for arm in ARMS),
        ("scratch", leaders),
        ("transfer", leaders),
        ("scratch", _set("uncertainty", 0, "transfer")),  # so that transfer's own selections have a baseline
    }
    assert len(learners(study(seeds=[0, 1, 2]))) == 3 * 9


def test_without_a_baseline_there_is_nothing_more_to_train() -> None:
    config = study(seeds=[0], arms=["transfer", "rescaled"])
    assert "scratch" not in {arm for arm, _ in _pairs(config)}
    assert {baseline_of(config, label_set) for label_set in label_sets(config)} == {None}


def test_the_baseline_of_a_label_set_is_among_the_learners() -> None:
    config = study()
    for label_set in label_sets(config):
        assert baseline_of(config, label_set) == Learner(ScratchArm(), label_set)
        assert Learner(ScratchArm(), label_set) in learners(config)


def test_only_label_sets_that_somebody_learns_from_grow() -> None:
    assert {_described(one) for one in label_sets(study(seeds=[0]))} == {
        _set("random", 0),
        *(_set("uncertainty", 0, arm) for arm in ARMS),
    }
    shared_only = label_sets(study(seeds=[0], comparisons=["shared"], shared_leader="transfer"))
    assert {_described(one) for one in shared_only} == {_set("random", 0), _set("uncertainty", 0, "transfer")}


def test_the_same_settings_under_two_names_are_done_once() -> None:
    """Two series that share all learners: the same numbers under two names, and nothing is trained twice."""
    twice = study(
        arms=["scratch", "rescaled", {"kind": "rescaled", "name": "again"}],
        acquisitions=["random", {"kind": "random", "name": "drawn"}],
        seeds=[0],
    )
    once = study(arms=["scratch", "rescaled"], acquisitions=["random"], seeds=[0])
    assert {one.arm for one in all_series(twice)} == {"scratch", "rescaled", "again"}
    assert {one.acquisition for one in all_series(twice)} == {"random", "drawn"}
    assert len(all_series(twice)) == 3 * len(all_series(once))
    assert learners(twice) == learners(once)
    assert label_sets(twice) == label_sets(once)


def test_two_arms_of_one_kind_with_other_settings_are_two() -> None:
    gentle = {"kind": "rescaled", "name": "gentle", "tuning": {"kind": "anchored", "strength": 10}}
    found = learners(study(arms=["scratch", "rescaled", gentle], acquisitions=["random"], seeds=[0]))
    assert len(found) == 3
    assert len({learner.arm for learner in found if learner.arm.kind == "rescaled"}) == 2
