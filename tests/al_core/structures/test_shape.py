"""Features of shapes: alike for the same structure, however it is written down."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.structures.shape import shape_features


@pytest.fixture
def rattled() -> Atoms:
    """A crystal with displaced atoms."""
    atoms = bulk("Ge", "diamond", 5.66, cubic=True)
    atoms.rattle(0.1, seed=3)
    return atoms


def test_they_do_not_change_under_rotation_translation_and_repetition(rattled: Atoms) -> None:
    turned, moved = rattled.copy(), rattled.copy()
    turned.rotate(33, (1, 2, 3), rotate_cell=True)
    moved.positions += (0.3, -1.0, 9.0)
    before = rattled.copy()
    one, *others = shape_features([rattled, turned, moved, rattled * (2, 1, 1)])
    for other in others:
        np.testing.assert_allclose(other, one, atol=1e-8)
    assert one.shape == (56,)
    assert rattled == before


def test_they_tell_a_melt_a_vacancy_and_a_slab_from_a_crystal(rattled: Atoms) -> None:
    melt, slab = rattled.copy(), rattled.copy()
    melt.rattle(0.5, seed=1)
    slab.center(vacuum=5, axis=2)
    less = (rattled * (2, 1, 1))[1:]
    other = bulk("Ge", "diamond", 5.66, cubic=True)
    other.rattle(0.1, seed=4)
    crystal, alike, *different = shape_features([rattled, other, melt, less, slab])
    nearest = np.linalg.norm(alike - crystal)
    assert all(np.linalg.norm(one - crystal) > 1.5 * nearest for one in different)


def test_angles_count_where_distances_are_the_same() -> None:
    straight = Atoms("Ge3", [(0, 0, 0), (2.4, 0, 0), (4.8, 0, 0)])
    bent = Atoms("Ge3", [(0, 0, 0), (2.4, 0, 0), (2.4 + 2.4 * np.cos(0.4), 2.4 * np.sin(0.4), 0)])
    features = shape_features([straight, bent])[:, 16:28]
    assert np.argmax(features[0]) == 0, "the cosine of 180° is the first point"
    assert np.argmax(features[1]) > 0 or features[1, 1] / features[1, 0] > features[0, 1] / features[0, 0]


def test_lonely_atoms_have_features_too() -> None:
    features = shape_features([Atoms("Ge", [(0, 0, 0)]), Atoms("Ge2", [(0, 0, 0), (0, 0, 9)])])
    assert np.array_equal(features, np.zeros((2, 56)))
