"""Supercells of every shape that so many primitive cells have."""

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from al_core.structures.elements import CRYSTALS
from al_core.structures.sampling import primitive, prototype
from al_core.structures.supercells import _hermite_matrices, supercell


@pytest.mark.parametrize(("cells", "sublattices"), [(1, 1), (2, 7), (3, 13), (4, 35), (6, 91)])
def test_there_are_as_many_supercells_as_sublattices(cells: int, sublattices: int) -> None:
    # sublattices of index n of a lattice in space: 1, 7, 13, 35, 31, 91 (OEIS A001001)
    matrices = _hermite_matrices(cells)
    assert len({matrix.tobytes() for matrix in matrices}) == sublattices
    np.testing.assert_allclose([np.linalg.det(matrix) for matrix in matrices], cells)


@pytest.mark.parametrize("element", ["Ge", "Cu"])
def test_a_supercell_is_the_perfect_crystal_in_another_cell(element: str) -> None:
    crystal, vectors = CRYSTALS[element], prototype(element, 1.01).cell.array[0, 0] / 2 * (1 - np.eye(3))
    shapes = set()
    for seed in range(12):
        atoms = supercell(primitive(element, 1.01), 4, np.random.default_rng(seed))
        assert len(atoms) == 4 * crystal.atoms_per_primitive_cell
        multiples = atoms.cell.array @ np.linalg.inv(vectors)
        np.testing.assert_allclose(multiples, multiples.round(), atol=1e-9)
        first, distances = neighbor_list("id", atoms, 1.1 * 1.01 * crystal.bond())
        np.testing.assert_allclose(distances, 1.01 * crystal.bond())
        np.testing.assert_array_equal(np.bincount(first), {"diamond": 4, "fcc": 12}[crystal.structure])
        shapes.add(tuple(atoms.cell.cellpar().round(3)))
    assert len(shapes) > 3


def test_supercells_of_eight_atoms_hold_the_waves_of_the_cube_of_sixty_four() -> None:
    """A wave fits into a cell if it has a whole number of periods along each of the cell's vectors."""
    cube = prototype("Ge", 1.0, 2).cell
    waves = [np.array(wave) @ cube.reciprocal() for wave in ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0))]
    cells = [supercell(primitive("Ge"), 4, np.random.default_rng(seed)).cell.array for seed in range(300)]

    def fits(wave: np.ndarray, cell: np.ndarray) -> bool:
        return bool(np.allclose(cell @ wave, np.rint(cell @ wave), atol=1e-6))

    assert not any(fits(wave, prototype("Ge").cell.array) for wave in waves)
    assert all(any(fits(wave, cell) for cell in cells) for wave in waves)
