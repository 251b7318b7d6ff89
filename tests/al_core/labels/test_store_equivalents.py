"""The label store: the label of an equivalent structure serves."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.labels.store import Attempt, LabelStore, _packings_of
from al_core.structures.equivalence import packings
from al_core.types import Label

LEVEL = "L{}-level"
LABEL = Label(-1.5, np.zeros((2, 3)), None, 2.0, {"by": "hand"})


@pytest.fixture
def store(any_store: LabelStore) -> LabelStore:
    """Every test of a store is one of both kinds."""
    return any_store


def turned(atoms: Atoms) -> Atoms:
    """The structure twice, turned by 90° and moved."""
    copy = atoms.repeat((2, 1, 1))
    copy.rotate(90, "z", rotate_cell=True)
    copy.positions += 0.3
    return copy


def rattled() -> Atoms:
    atoms = bulk("Ge", "diamond", a=5.66)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_the_label_of_an_equivalent_structure_serves(store: LabelStore) -> None:
    forces = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])
    label = Label(-1.5, forces, np.array([1.0, 2.0, 3.0, 0.0, 0.0, 0.5]) * 1e-3, 2.0, {"by": "hand"})
    store.claim(LEVEL.format(1), rattled(), "sw", use_equivalent=True)
    store.complete(LEVEL.format(1), label)
    state, entry = store.claim(LEVEL.format(2), turned(rattled()), "sw", use_equivalent=True)
    assert (state, entry.core_seconds, entry.label.core_seconds) == ("done", 0.0, 0.0)
    assert entry.label.energy == pytest.approx(-3.0)
    np.testing.assert_allclose(entry.label.forces[:2], [[-0.2, 0.1, 0.3], [0.2, -0.1, -0.3]], atol=1e-9)
    np.testing.assert_allclose(entry.label.stress, np.array([2.0, 1.0, 3.0, 0.0, 0.0, -0.5]) * 1e-3, atol=1e-12)
    assert entry.label.provenance == {"by": "hand", "equivalent_to": LEVEL.format(1)}
    assert store.get(LEVEL.format(2)).label.energy == entry.label.energy


def test_what_is_remembered_of_rows_is_bounded(store: LabelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("al_core.labels.store._MOST_PACKINGS", 1)
    for number in (1, 2):
        other = bulk("Ge", "diamond", a=5.66)
        other.rattle(0.1, seed=number)
        store.claim(LEVEL.format(number), other, "sw", use_equivalent=True)
        store.complete(LEVEL.format(number), LABEL)
    for number in (3, 4):
        assert store.claim(LEVEL.format(number), turned(rattled()), "sw", use_equivalent=True)[0] == "done"
        assert len(_packings_of) <= 1


def test_an_equivalent_structure_is_waited_for(store: LabelStore) -> None:
    store.claim(LEVEL.format(1), rattled(), "sw", use_equivalent=True)
    assert store.claim(LEVEL.format(2), turned(rattled()), "sw", use_equivalent=True)[0] == "busy"
    assert store.get(LEVEL.format(2)) is None
    store.fail(LEVEL.format(1), Attempt(0, "no convergence", False, True, 12.5, ""))
    assert store.claim(LEVEL.format(2), turned(rattled()), "sw", use_equivalent=True)[0] == "yours"


def test_a_label_that_does_not_carry_over_is_computed(store: LabelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding: two matches of one pair, at the edge of the tolerance, may come to different ends."""
    store.claim(LEVEL.format(1), rattled(), "sw", use_equivalent=True)
    store.complete(LEVEL.format(1), LABEL)
    monkeypatch.setattr("al_core.labels.store.carried_over", lambda label, known, atoms: None)
    assert store.claim(LEVEL.format(2), turned(rattled()), "sw", use_equivalent=True)[0] == "yours"


@pytest.mark.parametrize(
    ("key", "change", "use_equivalent"),
    [("L2-level", 1e-2, True), ("L2-other", 0.0, True), ("L2-level", 0.0, False)],
    ids=["another structure", "another level of theory", "labels that are looked up"],
)
def test_no_other_label_serves(store: LabelStore, key: str, change: float, use_equivalent: bool) -> None:
    store.claim("L1-level", rattled(), "sw", use_equivalent=True)
    store.complete("L1-level", LABEL)
    atoms = turned(rattled())
    atoms.positions[0, 0] += change
    assert store.claim(key, atoms, "sw", use_equivalent=use_equivalent)[0] == "yours"


def test_a_row_that_is_looked_at_and_is_not_equivalent_is_read_once(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr("al_core.labels.store.packings", lambda atoms: read.append(len(atoms)) or packings(atoms))
    monkeypatch.setattr("al_core.structures.equivalence._PACKING", 1.0)  # marks of any two are near each other,
    monkeypatch.setattr("al_core.labels.store.may_be_equivalent", lambda one, other: False)  # and none is alike
    for number in range(4):
        atoms = bulk("Ge", "diamond", a=5.66)
        atoms.rattle(0.1, seed=number)
        assert store.claim(LEVEL.format(number), atoms, "sw", use_equivalent=True)[0] == "yours"
        read.append(0)
    assert read == [2, 0, 2, 2, 0, 2, 2, 0, 2, 2, 0], "its own, and the row that is new"
