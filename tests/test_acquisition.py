"""The contract of every acquisition, and what each promises beyond it."""

from typing import Any

import numpy as np
import pytest

from al_core.acquisition import ACQUISITIONS
from al_core.config import StudyConfig
from al_core.errors import SelectionError

K_MODELS = 3
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


@pytest.mark.parametrize("k", [0, 1, 3, len(SCORES)])
@pytest.mark.parametrize("name", ACQUISITIONS)
def test_exactly_k_unique_indices_in_range(name: str, k: int) -> None:
    chosen = ACQUISITIONS[name].select(len(SCORES), forces_with(SCORES), k, np.random.default_rng(0))
    assert len(chosen) == len(set(chosen)) == k
    assert all(isinstance(index, int) and 0 <= index < len(SCORES) for index in chosen)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_the_same_seed_makes_the_same_choice(name: str) -> None:
    first, second = (
        ACQUISITIONS[name].select(len(SCORES), forces_with(SCORES), 4, np.random.default_rng(7)) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_arguments_are_left_alone(name: str) -> None:
    forces = forces_with(SCORES)
    before = [candidate.copy() for candidate in forces]
    ACQUISITIONS[name].select(len(SCORES), forces, 4, np.random.default_rng(0))
    assert len(forces) == len(before)
    assert all(np.array_equal(now, then) for now, then in zip(forces, before, strict=True))


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_too_few_candidates_are_told(name: str) -> None:
    with pytest.raises(SelectionError, match="9 structures are to be chosen and 8 are left"):
        ACQUISITIONS[name].select(len(SCORES), forces_with(SCORES), 9, np.random.default_rng(0))


@pytest.mark.parametrize("name", [name for name, acquisition in ACQUISITIONS.items() if not acquisition.asks_models])
def test_an_acquisition_that_asks_no_model_needs_no_forces(name: str) -> None:
    rng = np.random.default_rng(0)
    with_forces = ACQUISITIONS[name].select(len(SCORES), forces_with(SCORES), 3, np.random.default_rng(0))
    assert ACQUISITIONS[name].select(len(SCORES), None, 3, rng) == with_forces


@pytest.mark.parametrize("name", [name for name, acquisition in ACQUISITIONS.items() if acquisition.asks_models])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_model_is_told(name: str, bad: float) -> None:
    forces = forces_with(SCORES)
    forces[5][1, 0, 0] = bad
    with np.errstate(invalid="ignore"), pytest.raises(SelectionError, match="not finite"):
        ACQUISITIONS[name].select(len(SCORES), forces, 2, np.random.default_rng(0))


@pytest.mark.parametrize("name", [name for name, acquisition in ACQUISITIONS.items() if acquisition.asks_models])
def test_forces_that_are_missing_are_told(name: str) -> None:
    for forces in (None, forces_with(SCORES)[:-1]):
        with pytest.raises(SelectionError, match="forces for every candidate"):
            ACQUISITIONS[name].select(len(SCORES), forces, 2, np.random.default_rng(0))


def test_every_acquisition_of_the_config_exists_and_the_other_way_round() -> None:
    schema = StudyConfig.model_json_schema()["$defs"]
    known = {schema[name]["properties"]["kind"]["const"] for name in schema if name.endswith("Acquisition")}
    assert known == set(ACQUISITIONS)


def test_random_is_uniform() -> None:
    counts = np.zeros(8)
    firsts = np.zeros(8)
    for seed in range(800):
        chosen = ACQUISITIONS["random"].select(8, None, 2, np.random.default_rng(seed))
        counts[chosen] += 1
        firsts[chosen[0]] += 1
    assert counts.min() > 140  # 200 expected, standard deviation 12
    assert firsts.min() > 60  # 100 expected, standard deviation 9


def test_uncertainty_takes_the_largest_first_and_of_equals_the_earlier() -> None:
    select = ACQUISITIONS["uncertainty"].select
    order = [1, 3, 6, 4, 0, 7, 2, 5]
    for k in range(1, 9):
        assert select(8, forces_with(SCORES), k, np.random.default_rng(k)) == order[:k]


def test_uncertainty_is_that_of_the_worst_atom_not_of_the_mean() -> None:
    everywhere = forces_with([0.0])[0]
    everywhere[0] += 0.5  # all atoms a little
    somewhere = forces_with([0.9], n_atoms=40)[0]  # one of many atoms much
    assert ACQUISITIONS["uncertainty"].select(2, [everywhere, somewhere], 1, np.random.default_rng(0)) == [1]
