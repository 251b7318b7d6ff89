"""The contract of every acquisition, and what each promises beyond it."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import (
    AnyAcquisition,
    ErrorOracleAcquisition,
    FarthestPointAcquisition,
    LCMDAcquisition,
    MaxDetAcquisition,
    RandomAcquisition,
    UncertaintyAcquisition,
    VarianceReductionAcquisition,
)
from al_core.errors import SelectionError

K_MODELS = 3
SETTINGS: list[AnyAcquisition] = [
    RandomAcquisition(),
    UncertaintyAcquisition(),
    VarianceReductionAcquisition(),
    VarianceReductionAcquisition(per_cost=True),
    MaxDetAcquisition(),
    MaxDetAcquisition(features="energy_gradients", per_cost=True),
    FarthestPointAcquisition(),
    FarthestPointAcquisition(force_guided=True),
    FarthestPointAcquisition(features="force_gradients", per_cost=True),
    LCMDAcquisition(),
    LCMDAcquisition(features="force_gradients", per_cost=True),
    ErrorOracleAcquisition(),
]
ASKING = [settings for settings in SETTINGS if settings.asks_models]
# largest deviation of an atom, eV/Å, unsorted, with ties
SCORES = (0.3, 0.9, 0.1, 0.9, 0.5, 0.0, 0.7, 0.3)


def forces_with(scores: Any, n_atoms: int = 4) -> list[np.ndarray]:
    """Committee forces of candidates of which the last atom has the wanted deviation and the others a tenth of it."""
    spread = np.array([-1.0, 0.0, 1.0]) * np.sqrt(1.5)  # standard deviation 1
    candidates = []
    for number, score in enumerate(scores):
        forces = np.full((K_MODELS, n_atoms + number % 2, 3), 5.0)  # what the models agree on does not count
        forces[:, :-1, 1] += 0.1 * score * spread[:, None]
        forces[:, -1, 0] += score * spread
        candidates.append(forces)
    return candidates


def candidates_with(scores: Any, rows: int = 2) -> Candidates:
    """All that any acquisition asks; features as large as the scores, in directions of their own."""
    directions = np.random.default_rng(1).normal(size=(len(scores), rows, 6))
    features = directions * np.array(scores)[:, None, None]
    labelled = np.random.default_rng(2).normal(size=(1, rows, 6))
    return Candidates(
        len(scores),
        forces=forces_with(scores),
        features=features,
        labelled_features=labelled,
        costs=np.linspace(20, 900, len(scores)),
        errors=np.array(scores) / 3,
    )


def taken_from(candidates: Candidates, indices: Any) -> Candidates:
    """Some of the candidates, in another order or several times."""
    assert candidates.forces is not None
    others = {name: getattr(candidates, name)[indices] for name in ("features", "costs", "errors")}
    forces = [candidates.forces[index] for index in indices]
    return replace(candidates, count=len(indices), forces=forces, **others)


@pytest.mark.parametrize("k", [0, 1, 3, len(SCORES)])
@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_exactly_k_unique_indices_in_range(settings: AnyAcquisition, k: int) -> None:
    chosen = select(candidates_with(SCORES), k, np.random.default_rng(0), settings)
    assert len(chosen) == len(set(chosen)) == k
    assert all(isinstance(index, int) and 0 <= index < len(SCORES) for index in chosen)


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_the_same_seed_makes_the_same_choice(settings: AnyAcquisition) -> None:
    first, second = (select(candidates_with(SCORES), 4, np.random.default_rng(7), settings) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_arguments_are_left_alone(settings: AnyAcquisition) -> None:
    asked, before = candidates_with(SCORES), candidates_with(SCORES)
    select(asked, 4, np.random.default_rng(0), settings)
    for name in ("features", "labelled_features", "costs", "errors"):
        assert np.array_equal(getattr(asked, name), getattr(before, name))
    for now, then in zip(asked.forces or (), before.forces or (), strict=True):
        assert np.array_equal(now, then)


@pytest.mark.parametrize("settings", ASKING, ids=repr)
def test_the_choice_does_not_depend_on_the_order_of_the_candidates(settings: AnyAcquisition) -> None:
    # without ties: of two rows only, many distances by forces would be zero
    candidates = candidates_with((0.3, 0.95, 0.1, 0.9, 0.5, 0.05, 0.7, 0.35), rows=24)
    order = np.random.default_rng(3).permutation(candidates.count)
    chosen = select(candidates, 4, np.random.default_rng(0), settings)
    assert [order[i] for i in select(taken_from(candidates, order), 4, np.random.default_rng(0), settings)] == chosen


@pytest.mark.parametrize("settings", ASKING, ids=repr)
@pytest.mark.parametrize("one", [0, 1, 5])
def test_of_equals_the_earlier_ones_are_taken(settings: AnyAcquisition, one: int) -> None:
    equals = taken_from(candidates_with(SCORES), [one] * 7)
    assert select(equals, 3, np.random.default_rng(0), settings) == [0, 1, 2]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_too_few_candidates_are_told(settings: AnyAcquisition) -> None:
    with pytest.raises(SelectionError, match="9 structures are to be chosen and 8 are left"):
        select(candidates_with(SCORES), 9, np.random.default_rng(0), settings)


@pytest.mark.parametrize("settings", [settings for settings in SETTINGS if not settings.asks_models], ids=repr)
def test_an_acquisition_that_asks_nothing_needs_nothing(settings: AnyAcquisition) -> None:
    rng = np.random.default_rng(0)
    with_all = select(candidates_with(SCORES), 3, np.random.default_rng(0), settings)
    assert select(Candidates(len(SCORES)), 3, rng, settings) == with_all


@pytest.mark.parametrize("settings", ASKING, ids=repr)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_model_is_told(settings: AnyAcquisition, bad: float) -> None:
    candidates = candidates_with(SCORES)
    known = getattr(candidates, settings.asks)
    spoiled = np.array(known[5])
    spoiled.flat[-1] = bad  # one number of one candidate
    known[5] = spoiled
    with np.errstate(invalid="ignore"), pytest.raises(SelectionError, match="not finite"):
        select(candidates, 2, np.random.default_rng(0), settings)


@pytest.mark.parametrize("settings", ASKING, ids=repr)
def test_what_is_missing_is_told(settings: AnyAcquisition) -> None:
    candidates = candidates_with(SCORES)
    with pytest.raises(SelectionError, match="every candidate"):
        select(replace(candidates, **{settings.asks: None}), 2, np.random.default_rng(0), settings)
    fewer = replace(candidates, **{settings.asks: getattr(candidates, settings.asks)[:-1]})
    with pytest.raises(SelectionError, match=r"8 candidates, but .* of 7"):
        select(fewer, 2, np.random.default_rng(0), settings)


def test_every_acquisition_of_the_config_is_in_the_table() -> None:
    assert {type(settings) for settings in SETTINGS} == set(get_args(AnyAcquisition))


def test_random_is_uniform() -> None:
    counts = np.zeros(8)
    firsts = np.zeros(8)
    for seed in range(800):
        chosen = select(Candidates(8), 2, np.random.default_rng(seed), RandomAcquisition())
        counts[chosen] += 1
        firsts[chosen[0]] += 1
    assert counts.min() > 140  # 200 expected, standard deviation 12
    assert firsts.min() > 60  # 100 expected, standard deviation 9


def test_uncertainty_takes_the_largest_first_and_of_equals_the_earlier() -> None:
    order = [1, 3, 6, 4, 0, 7, 2, 5]
    for k in range(1, 9):
        assert select(candidates_with(SCORES), k, np.random.default_rng(k), UncertaintyAcquisition()) == order[:k]


def test_uncertainty_is_that_of_the_worst_atom_not_of_the_mean() -> None:
    everywhere = forces_with([0.0])[0]
    everywhere[0] += 0.5  # all atoms a little
    somewhere = forces_with([0.9], n_atoms=40)[0]  # one of many atoms much
    candidates = Candidates(2, [everywhere, somewhere])
    assert select(candidates, 1, np.random.default_rng(0), UncertaintyAcquisition()) == [1]
