"""Checks of structures: with a cell, without one, and with one that cannot be used."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

from al_core.structures.checks import boxed, closest_distance, fault

CH_A = 1.0897  # of ASE's methane
CELLS = {
    "none": np.zeros((3, 3)),
    "smaller than the molecule": np.eye(3),
    "in one plane": np.array([[1.0, 0, 0], [2, 0, 0], [0, 0, 1]]),
    "two vectors": np.diag([5.0, 5.0, 0.0]),
}


def methane(shift: float = 0.0) -> Atoms:
    atoms = molecule("CH4")
    atoms.positions += shift
    return atoms


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shift", [0.0, -7e4, 1e6])
def test_of_a_molecule_the_cell_may_say_anything(cell: str, shift: float) -> None:
    atoms = methane(shift)
    atoms.cell = CELLS[cell]
    assert fault(atoms) == ""
    assert closest_distance(atoms) == pytest.approx(CH_A, abs=1e-4)


def test_atoms_of_a_molecule_that_are_too_close_are_found_without_a_cell() -> None:
    atoms = methane()
    atoms.positions[1] = atoms.positions[2] + [0.2, 0, 0]
    assert "two atoms 0.20 Å apart" in fault(atoms)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ([1e-3, 1e-3, 1e-3], "has a cell with 0.001 Å between two faces (at least 0.5 Å expected)"),
        ([[5, 0, 0], [5e6, 5, 0], [0, 0, 5]], "has a cell with 5e-06 Å between two faces (at least 0.5 Å expected)"),
        ([5, 5, 5e4], "is 5e+04 Å long (at most 500 Å expected)"),
        ([1e9, 1e9, 1e9], "is 1e+09 Å long (at most 500 Å expected)"),
    ],
)
def test_cells_that_a_search_for_neighbours_would_never_end_in_are_found(cell: list[float], expected: str) -> None:
    assert fault(Atoms("Ge2", [[0, 0, 0], [1, 1, 1]], cell=cell, pbc=True)) == expected


def test_atoms_far_apart_without_a_cell_are_found() -> None:
    assert fault(Atoms("Ge2", [[0, 0, 0], [0, 0, 1e8]])) == "is 1e+08 Å long (at most 500 Å expected)"


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_chain_is_searched_across_its_boundary(turn: int) -> None:
    """Its only cell vector lies along any axis, whichever direction it is listed as."""
    along = np.roll([4.0, 0.0, 0.0], turn)
    atoms = Atoms("Ge2", [0.1 * along, 0.8 * along], cell=[along, [0, 0, 0], [0, 0, 0]], pbc=[True, False, False])
    atoms.positions += [1e3, -1e3, 50.0]
    assert closest_distance(atoms) == pytest.approx(1.2)


def test_a_box_changes_no_distance_and_leaves_the_structure_alone() -> None:
    slab = bulk("Ge", "diamond", a=5.66, cubic=True).repeat((1, 1, 2))
    slab.rattle(0.1, seed=0)
    slab.positions += [3.0, 1.0, -400.0]
    slab.pbc = [True, True, False]
    slab.center(vacuum=20, axis=2)
    before = slab.copy()
    slab.cell[2] = slab.cell[0]  # of no account: not periodic
    box = boxed(slab, 6.0)
    for quantity in ("i", "d"):
        want, got = neighbor_list(quantity, before, 6.0), neighbor_list(quantity, box, 6.0)
        np.testing.assert_allclose(np.sort(got), np.sort(want))
    assert np.linalg.matrix_rank(box.cell.array) == 3
    assert (box.get_scaled_positions(wrap=False)[:, 2] > 0).all()
    assert (box.get_scaled_positions(wrap=False)[:, 2] < 1).all()
    np.testing.assert_array_equal(slab.positions, before.positions)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (np.diag([5.0, 5.0, 0.0]), "is periodic along a direction without a cell vector"),
        (np.array([[5.0, 0, 0], [0, 5, 0], [5, 5, 0]]), "has cell vectors that lie in one plane or line"),
        (np.diag([5.0, np.nan, 5.0]), "has positions or a cell that are not finite"),
    ],
)
def test_periodic_directions_need_vectors(cell: np.ndarray, message: str) -> None:
    assert fault(Atoms("Ge", cell=cell, pbc=True)) == message


def test_an_empty_structure_is_refused() -> None:
    assert fault(Atoms()) == "has no atoms"
