"""What a growth chooses from: frames in an order in which their slices come in turn."""

from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from al_core.exploration.frames import Frame
from al_core.learning.choosing import by_id, chosen_from, in_turn
from al_core.learning.steps import LabelOutcome
from al_core.storage.hashing import structure_id

PARTS = ("crystal_300K", "crystal_900K", "vacancy_300K")


def _frame(part: str, number: int) -> Frame:
    atoms = Atoms("Ge", [[0.01 * number, 0, 0]], cell=[4, 4, 4], pbc=True, info={"config_type": part})
    return Frame(atoms, number, 0.1 * number, 0.02, 0.03)


# many of one slice, few of the others
FRAMES = {f"s{number}": _frame(PARTS[0 if number < 20 else 1 + number % 2], number) for number in range(26)}


def _slices(order: list[str]) -> list[str]:
    return [FRAMES[name].atoms.info["config_type"] for name in order]


def test_every_structure_stands_in_the_order_once() -> None:
    assert sorted(in_turn(FRAMES, np.random.default_rng(0), {})) == sorted(FRAMES)
    assert in_turn({}, np.random.default_rng(0), {"crystal_300K": 2}) == []


@pytest.mark.parametrize("seed", range(5))
def test_slices_come_in_turn_however_many_frames_they_have(seed: int) -> None:
    parts = _slices(in_turn(FRAMES, np.random.default_rng(seed), {}))
    for first in (0, 3, 6):
        assert set(parts[first : first + 3]) == set(PARTS)
    assert parts[9:] == [PARTS[0]] * 17


def test_slices_that_had_fewer_come_first() -> None:
    had = {"crystal_300K": 2, "vacancy_300K": 1}
    parts = _slices(in_turn(FRAMES, np.random.default_rng(0), had))
    assert parts[0] == "crystal_900K"
    assert set(parts[1:3]) == {"crystal_900K", "vacancy_300K"}
    assert Counter(parts[:6]) | Counter() == Counter({"crystal_900K": 3, "vacancy_300K": 2, "crystal_300K": 1})
    assert had == {"crystal_300K": 2, "vacancy_300K": 1}, "it was changed"


def test_within_a_slice_and_between_slices_the_order_is_drawn_at_random() -> None:
    orders = [in_turn(FRAMES, np.random.default_rng(seed), {}) for seed in range(60)]
    assert orders[0] == in_turn(FRAMES, np.random.default_rng(0), {})
    firsts = Counter(_slices(order)[0] for order in orders)
    assert set(firsts) == set(PARTS)
    crystals = {next(name for name in order if FRAMES[name].atoms.info["config_type"] == PARTS[0]) for order in orders}
    assert len(crystals) > 12, "of twenty"


def test_a_structure_that_two_walkers_came_by_is_one() -> None:
    same = [_frame(PARTS[0], 3), _frame(PARTS[1], 3), _frame(PARTS[0], 4)]
    found = by_id(same)
    assert list(found) == [structure_id(same[0].atoms), structure_id(same[2].atoms)]
    assert found[structure_id(same[0].atoms)] is same[0], "the first"


def test_what_is_kept_of_a_structure_that_was_labelled() -> None:
    found = chosen_from("s7", FRAMES["s7"], True, LabelOutcome("L-s7", True, "no convergence"))
    assert (found.structure, found.key, found.slice, found.atoms) == ("s7", "L-s7", "crystal_300K", 1)
    assert (found.walker, found.time_ps, found.expected) == (7, pytest.approx(0.7), 0.02)
    assert (found.drawn, found.failure) == (True, "no convergence")
