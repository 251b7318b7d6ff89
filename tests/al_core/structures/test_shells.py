"""The distance of nearest neighbours, read from structures alone."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from al_core.structures.shells import bond_length


@pytest.mark.parametrize(
    ("structure", "edge_A", "bonds"),
    [("diamond", 5.5, 3**0.5 / 4), ("fcc", 4.1, 2**0.5 / 2), ("bcc", 3.2, 3**0.5 / 2), ("sc", 2.9, 1.0)],
)
@pytest.mark.parametrize("cubic", [True, False])
def test_it_is_the_bond_of_a_crystal_in_any_cell(structure: str, edge_A: float, bonds: float, cubic: bool) -> None:
    crystal = bulk("Si", structure, a=edge_A, cubic=cubic)
    assert bond_length([crystal]) == pytest.approx(edge_A * bonds)


def test_temperature_hardly_changes_it() -> None:
    crystal = bulk("Ge", "diamond", a=5.7, cubic=True).repeat(2)
    hot = [crystal.copy() for _ in range(5)]
    for seed, atoms in enumerate(hot):
        atoms.rattle(0.1, seed=seed)
    assert bond_length(hot) == pytest.approx(bond_length([crystal]), rel=0.015)


def test_a_few_other_structures_do_not_matter() -> None:
    crystals = [bulk("Ge", "diamond", a=5.7, cubic=True) for _ in range(7)]
    strained = [bulk("Ge", "diamond", a=edge_A, cubic=True) for edge_A in (4.0, 9.0, 8.5)]
    assert bond_length([*strained, *crystals]) == pytest.approx(5.7 * 3**0.5 / 4)


def test_of_many_structures_all_parts_are_looked_at() -> None:
    edges_A = np.linspace(5.0, 6.0, 1001)
    many = [bulk("Si", "diamond", a=float(edge_A)) for edge_A in edges_A]
    assert bond_length(many) == pytest.approx(5.5 * 3**0.5 / 4, rel=0.01)


def test_what_has_no_four_neighbours_says_nothing() -> None:
    assert bond_length([]) is None
    assert bond_length([molecule("H2"), Atoms("Ge")]) is None
    assert bond_length([molecule("H2"), bulk("Ge", "diamond", a=5.7)]) == pytest.approx(5.7 * 3**0.5 / 4)
