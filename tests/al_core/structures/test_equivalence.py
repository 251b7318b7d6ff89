"""Equivalent structures are found, their labels turn along, and nothing else is taken for equivalent."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell
from scipy.spatial.transform import Rotation

from al_core.structures.equivalence import are_equivalent, carried_over, mark

MIRROR = np.diag([1.0, -1.0, 1.0])


def turned(atoms: Atoms, turn: np.ndarray) -> Atoms:
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array @ turn)
    copy.positions = atoms.positions @ turn
    return copy


def shuffled(atoms: Atoms) -> Atoms:
    return atoms[np.random.default_rng(1).permutation(len(atoms))]


def moved(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.positions += [1.1, -2.2, 13.3]
    copy.wrap()
    return copy


SOMEHOW = Rotation.random(random_state=3).as_matrix()
IMAGES = {
    "itself": lambda atoms: atoms.copy(),
    "translated": moved,
    "in another order": shuffled,
    "rotated": lambda atoms: turned(atoms, SOMEHOW),
    "mirrored": lambda atoms: turned(atoms, MIRROR),
    "repeated": lambda atoms: atoms.repeat((2, 1, 1)),
    "in another cell": lambda atoms: make_supercell(atoms, [[1, 1, 0], [0, 1, 0], [0, 0, 1]]),
    "all of it": lambda atoms: shuffled(moved(turned(turned(atoms.repeat((1, 2, 1)), SOMEHOW), MIRROR))),
}


@pytest.fixture
def known(crystals: Any) -> Atoms:
    return crystals("Ge", 1, seed=4)[0]


@pytest.mark.parametrize("how", IMAGES)
@pytest.mark.parametrize("known_is_the_image", [False, True])
def test_the_label_of_an_image_is_found(known: Atoms, sw_label: Any, how: str, known_is_the_image: bool) -> None:
    atoms = IMAGES[how](known)
    if known_is_the_image:
        known, atoms = atoms, known
    one, other = mark(known), mark(atoms)
    assert one.formula == other.formula == "Ge1"
    assert (one.volume, one.packing) == pytest.approx((other.volume, other.packing), abs=1e-9)
    found, expected = carried_over(sw_label(known), known, atoms), sw_label(atoms)
    assert found.energy == pytest.approx(expected.energy, abs=1e-8)
    np.testing.assert_allclose(found.forces, expected.forces, atol=1e-7)
    np.testing.assert_allclose(found.stress, expected.stress, atol=1e-9)


def test_a_structure_within_the_tolerance_is_equivalent(known: Atoms, sw_label: Any) -> None:
    atoms = moved(known)
    atoms.rattle(1e-5, seed=0)
    np.testing.assert_allclose(carried_over(sw_label(known), known, atoms).forces, sw_label(atoms).forces, atol=1e-3)


def squeezed(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array * [[1.002], [1.0], [1 / 1.002]], scale_atoms=True)
    return copy


def one_moved(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.positions[2, 1] += 1e-3
    return copy


def of_another_element(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.symbols[0] = "Si"
    return copy


@pytest.mark.parametrize("change", [squeezed, one_moved, of_another_element])
def test_a_structure_that_is_another_is_not(known: Atoms, sw_label: Any, change: Any) -> None:
    assert carried_over(sw_label(known), known, change(known)) is None
    larger = change(known).repeat((2, 1, 1))
    assert carried_over(sw_label(known), known, larger) is None


def test_a_crystal_with_many_symmetries_keeps_zero_forces(sw_label: Any) -> None:
    cubic, primitive = bulk("Ge", "diamond", a=5.66, cubic=True), bulk("Ge", "diamond", a=5.66)
    found = carried_over(sw_label(cubic), cubic, primitive)
    assert found.energy == pytest.approx(sw_label(primitive).energy, abs=1e-9)
    assert np.abs(found.forces).max() < 1e-9


def test_structures_that_are_not_periodic_have_no_mark(known: Atoms) -> None:
    known.pbc = [True, True, False]
    assert mark(known) is None


def test_most_others_are_told_apart_before_structures_are_matched(
    crystals: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool of one cell has marks near each other, and matching takes longer than a cheap label."""
    monkeypatch.setattr("pymatgen.analysis.structure_matcher.StructureMatcher", lambda **_: pytest.fail("matched"))
    frames = crystals("Ge", 12, seed=5)
    assert not any(are_equivalent(one, other) for one, other in combinations(frames, 2))
    assert not are_equivalent(frames[0].repeat((2, 1, 1)), frames[1])
    assert not are_equivalent(frames[0], frames[1][:7]), "one is no multiple of the other"
