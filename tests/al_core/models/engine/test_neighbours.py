"""Neighbours of structures that are periodic in some directions only, however these lie."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from matscipy.neighbours import neighbour_list

from al_core.models.engine.neighbours import neighbours
from al_core.structures.checks import boxed


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("periodic", [1, 2])
def test_slabs_and_wires_may_lie_along_any_axes(order: tuple[int, ...], periodic: int) -> None:
    """The cell's vectors that are periodic come first, and span any of the Cartesian axes; the others are missing."""
    atoms: Atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
    atoms.rattle(0.1, seed=0)
    atoms.set_positions(atoms.positions[:, order])
    cell = np.diag([3.6, 3.6, 3.6])[:, order]
    cell[periodic:] = 0.0
    atoms.set_cell(cell)
    atoms.pbc = np.arange(3) < periodic
    expected = neighbour_list("d", boxed(atoms, 4.0), 4.0)
    found = neighbours(atoms, 4.0)
    vectors = atoms.positions[found.second] - atoms.positions[found.first] + found.shifts
    np.testing.assert_allclose(np.sort(np.linalg.norm(vectors, axis=1)), np.sort(expected))
