"""The contract of every acquisition, and what each promises beyond it."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import (
    AnyAcquisition,
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


def candidates_with(scores: Any) -> Candidates:
    """All that any acquisition asks; gradient features as large as the scores, in directions of their own."""
    directions = np.random.default_rng(1).normal(size=(len(scores), 2, 6))
    features = directions * np.array(scores)[:, None, None]
    labelled = np.random.default_rng(2).normal(size=(1, 2, 6))
    return Candidates(
        len(scores),
        forces=forces_with(scores),
        gradient_features=features,
        labelled_features=labelled,
        costs=np.linspace(20, 900, len(scores)),
    )


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
    for name in ("gradient_features", "labelled_features"):
        assert np.array_equal(getattr(asked, name), getattr(before, name))
    for now, then in zip(asked.forces or (), before.forces or (), strict=True):
        assert np.array_equal(now, then)


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
    getattr(candidates, settings.asks)[5][1, 0, ...] = bad
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


# ---- variance reduction ---------------------------------------------------------------------------------------------


def _variance_reduction(rows: Any, k: int, labelled: Any = None) -> list[int]:
    candidates = Candidates(
        len(rows),
        gradient_features=np.asarray(rows, float)[:, None, :],
        labelled_features=None if labelled is None else np.asarray(labelled, float)[:, None, :],
    )
    return select(candidates, k, np.random.default_rng(0), VarianceReductionAcquisition())


def test_the_typical_is_preferred_to_the_strange() -> None:
    """Three alike that stand for much of the pool go before a lonely one that answers more strongly."""
    alike, strange = [1.0, 0.0, 0.0], [0.0, 1.2, 0.0]
    assert _variance_reduction([strange, alike, alike, alike], 2) == [1, 0]


def test_what_is_known_is_not_asked_again() -> None:
    first, second = [1.0, 0.0], [0.0, 0.9]
    pool = [first, first, second, second]
    assert _variance_reduction(pool, 1) == [0]
    assert _variance_reduction(pool, 1, labelled=[first]) == [2]


def test_per_cost_two_cheap_labels_go_before_a_dear_one_that_says_little_more() -> None:
    rows = np.array([[1.3, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])[:, None, :]
    candidates = Candidates(4, gradient_features=rows, costs=np.array([300.0, 40.0, 40.0, 40.0]))

    def chosen(k: int, **settings: bool) -> list[int]:
        return select(candidates, k, np.random.default_rng(0), VarianceReductionAcquisition(**settings))

    assert chosen(1) == [0]
    assert set(chosen(2, per_cost=True)) == {1, 2}
    with pytest.raises(SelectionError, match="needs the cost of every candidate"):
        select(
            replace(candidates, costs=None), 1, np.random.default_rng(0), VarianceReductionAcquisition(per_cost=True)
        )


def test_the_choice_leaves_the_least_variance_of_all() -> None:
    """Against brute force over all candidates, with the covariance of a Gaussian process written down directly."""
    from al_core.acquisition import variance

    rows = np.random.default_rng(5).normal(size=(9, 3, 7)) * np.linspace(0.4, 1.6, 9)[:, None, None]
    candidates = Candidates(9, gradient_features=rows)
    (chosen,) = select(candidates, 1, np.random.default_rng(0), VarianceReductionAcquisition())
    flat = rows.reshape(27, 7) * variance._EXPECTED / np.sqrt((rows**2).sum(2).mean())
    kernel = flat @ flat.T
    left = []
    for index in range(9):
        seen = slice(3 * index, 3 * index + 3)
        own = kernel[seen, seen] + variance._LEFT**2 * np.eye(3)
        left.append(np.trace(kernel - kernel[:, seen] @ np.linalg.inv(own) @ kernel[seen]))
    assert chosen == int(np.argmin(left))


def test_what_is_simulated_is_preferred_to_what_is_common_among_the_candidates() -> None:
    """Most candidates are of one kind; the target is of the other, and only labels of that kind help it."""
    common, simulated = [1.0, 0.0], [0.0, 0.8]
    candidates = Candidates(4, gradient_features=np.array([common, common, common, simulated])[:, None, :])

    def chosen(target: Any, k: int = 1) -> list[int]:
        asked = replace(candidates, target_features=None if target is None else np.array(target)[:, None, :])
        return select(asked, k, np.random.default_rng(0), VarianceReductionAcquisition())

    assert chosen(None) == [0]
    assert chosen([simulated, simulated]) == [3]
    assert chosen([common]) == [0]
    assert chosen([common, *[simulated] * 4], k=2) == [3, 0]


def test_the_choice_leaves_the_least_variance_of_the_target() -> None:
    """Against brute force, label after label, with the covariance of a Gaussian process written down directly."""
    from al_core.acquisition import variance

    rng = np.random.default_rng(6)
    rows, target, known = (rng.normal(size=(count, 3, 7)) for count in (9, 4, 2))
    rows *= np.linspace(0.4, 1.6, 9)[:, None, None]
    candidates = Candidates(9, gradient_features=rows, labelled_features=known, target_features=target)
    chosen = select(candidates, 3, np.random.default_rng(0), VarianceReductionAcquisition())
    scale = variance._EXPECTED / np.sqrt((rows**2).sum(2).mean())
    covariance = np.eye(7)

    def given(covariance: np.ndarray, one: np.ndarray) -> np.ndarray:
        seen = scale * one
        own = seen @ covariance @ seen.T + variance._LEFT**2 * np.eye(3)
        return np.asarray(covariance - covariance @ seen.T @ np.linalg.inv(own) @ seen @ covariance)

    for one in known:
        covariance = given(covariance, one)
    expected: list[int] = []
    flat = target.reshape(-1, 7)
    for _ in range(3):
        left = [np.trace(flat @ given(covariance, one) @ flat.T) for one in rows]
        order = [int(index) for index in np.argsort(left) if index not in expected]
        expected.append(order[0])
        covariance = given(covariance, rows[order[0]])
    assert chosen == expected


def test_many_candidates_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from al_core.acquisition import variance

    rows = np.random.default_rng(5).normal(size=(11, 2, 6))
    candidates = Candidates(11, gradient_features=rows, target_features=rows[:7])
    whole = select(candidates, 5, np.random.default_rng(0), VarianceReductionAcquisition())
    monkeypatch.setattr(variance, "_AT_ONCE", 3)
    assert select(candidates, 5, np.random.default_rng(0), VarianceReductionAcquisition()) == whole
