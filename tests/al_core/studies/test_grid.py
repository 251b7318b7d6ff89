"""Which label sets grow, which arm is trained on which, and what is trained only once."""

from functools import partial

import pytest

from al_core.config.acquisition import RandomAcquisition, UncertaintyAcquisition
from al_core.studies.grid import Chain, chain_of, chains, pairs, places
from tests.helpers import study_config

ARMS = ("scratch", "transfer", "rescaled")
study = partial(study_config, arms=list(ARMS), acquisitions=["random", "uncertainty"], seeds=[0, 1])


def test_random_grows_one_chain_a_seed_for_all_arms() -> None:
    assert {chain_of(RandomAcquisition(), 3, arm) for arm in ARMS} == {Chain("random", 3, "")}
    assert {chain_of(UncertaintyAcquisition(), 3, arm) for arm in ARMS} == {
        Chain("uncertainty", 3, arm) for arm in ARMS
    }


def test_every_place_of_the_grid_is_there_once() -> None:
    found = places(study())
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 3
    assert {(p.comparison, p.chain.acquisition, p.chain.seed, p.arm) for p in found} == {
        (comparison, acquisition, seed, arm)
        for comparison in ("shared", "own")
        for acquisition in ("random", "uncertainty")
        for seed in (0, 1)
        for arm in ARMS
    }


def test_in_the_own_comparison_each_arm_trains_on_its_own_choices() -> None:
    for place in places(study()):
        if place.comparison == "own":
            assert place.chain.arm == ("" if place.chain.acquisition == "random" else place.arm)


@pytest.mark.parametrize(("leader", "expected"), [("", "rescaled"), ("scratch", "scratch"), ("transfer", "transfer")])
def test_in_the_shared_comparison_all_train_on_the_leaders_choices(leader: str, expected: str) -> None:
    shared = [place for place in places(study(shared_leader=leader)) if place.comparison == "shared"]
    chosen_by = {place.chain.arm for place in shared if place.chain.acquisition == "uncertainty"}
    assert chosen_by == {expected}
    for seed in (0, 1):
        for acquisition in ("random", "uncertainty"):
            same = {p.chain for p in shared if (p.chain.seed, p.chain.acquisition) == (seed, acquisition)}
            assert len(same) == 1


def test_what_counts_in_both_comparisons_is_trained_once() -> None:
    found = pairs(study(seeds=[0]))
    assert len(found) == len(set(found))
    # random: 3 arms on one chain; uncertainty: each on its own, and the two others on the leader's
    leaders = Chain("uncertainty", 0, "rescaled")
    assert set(found) == {
        *((arm, Chain("random", 0, "")) for arm in ARMS),
        *((arm, Chain("uncertainty", 0, arm)) for arm in ARMS),
        ("scratch", leaders),
        ("transfer", leaders),
        ("scratch", Chain("uncertainty", 0, "transfer")),  # so that transfer's own choices have a baseline
    }
    assert len(pairs(study(seeds=[0, 1, 2]))) == 3 * 9


def test_without_a_baseline_there_is_nothing_more_to_train() -> None:
    found = pairs(study(seeds=[0], arms=["transfer", "rescaled"]))
    assert "scratch" not in {arm for arm, _ in found}


def test_only_chains_that_somebody_trains_on_grow() -> None:
    assert set(chains(study(seeds=[0]))) == {
        Chain("random", 0, ""),
        *(Chain("uncertainty", 0, arm) for arm in ARMS),
    }
    shared_only = chains(study(seeds=[0], comparisons=["shared"], shared_leader="transfer"))
    assert set(shared_only) == {Chain("random", 0, ""), Chain("uncertainty", 0, "transfer")}
