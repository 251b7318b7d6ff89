"""When a walker is no longer stable."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase.build import bulk

from al_core.evaluation.failures import displacement, failure_of
from al_core.evaluation.walkers import Snapshot

BOND = 3.61 / 2**0.5


def _snapshot(moved: Any = 0.0, force: float = 1.0, temperature_K: float = 300.0) -> tuple[Snapshot, np.ndarray]:
    """Return a snapshot of copper and the sites of the crystal."""
    atoms = bulk("Cu", "fcc", a=3.61, cubic=True) * (2, 2, 2)
    sites = atoms.positions.copy()
    atoms.positions += moved
    forces = np.zeros((len(atoms), 3))
    forces[3, 1] = force
    return Snapshot(atoms, temperature_K, -1.0, forces, np.zeros((len(atoms), 3))), sites


def test_a_crystal_that_vibrates_or_travels_is_stable() -> None:
    random = np.random.default_rng(0)
    for moved in (0.1 * random.normal(size=(32, 3)), np.array([50.0, 0.0, -20.0])):
        now, sites = _snapshot(moved)
        assert failure_of(now, 300, BOND, sites) == ""
        assert failure_of(now, 300, BOND) == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"force": 51.0}, "a force of 51 eV/Å"),
        ({"force": np.nan}, "a force of nan eV/Å"),
        ({"temperature_K": 1121.0}, "a temperature of 1121 K"),  # three times 300, and five standard deviations
    ],
)
def test_forces_and_temperatures_out_of_bounds_are_failures(changes: dict[str, float], message: str) -> None:
    now, sites = _snapshot(**changes)
    assert failure_of(now, 300, BOND, sites) == failure_of(now, 300, BOND) == message


def test_the_temperature_of_a_few_atoms_may_fluctuate_more() -> None:
    """Of n atoms its relative variance is 2 / (3 n - 3)."""
    many, _ = _snapshot(temperature_K=1119.0)
    few = replace(many, atoms=many.atoms[:4], forces=many.forces[:4], temperature_K=1600.0)
    assert failure_of(many, 300, BOND) == failure_of(few, 300, BOND) == ""
    assert failure_of(replace(few, temperature_K=1610.0), 300, BOND) == "a temperature of 1610 K"
    assert failure_of(replace(many, temperature_K=1e5), np.inf, BOND) == ""


@pytest.mark.parametrize("pbc", [(False, False, False), (True, True, False)])
def test_what_is_not_periodic_needs_no_cell(pbc: tuple[bool, bool, bool]) -> None:
    now, _ = _snapshot()
    now.atoms.set_cell(now.atoms.cell.array * np.array(pbc)[:, None])
    now.atoms.pbc = pbc
    assert failure_of(now, 300, BOND) == ""
    now.atoms.positions[0] = now.atoms.positions[1] + [0.0, 0.0, 0.5]
    assert failure_of(now, 300, BOND) == "two atoms 0.50 Å apart"


def test_a_lost_lattice_is_a_failure_of_a_crystal_only() -> None:
    """Every second plane glides one way, the others the other way."""
    _, sites = _snapshot()
    planes = np.round(sites[:, 2] / (3.61 / 2)).astype(int)
    now, _ = _snapshot(np.where(planes % 2, 0.7, -0.7)[:, None] * np.array([1.0, 0.0, 0.0]))
    assert failure_of(now, 300, BOND, sites) == "the lattice is lost: atoms are 0.70 Å from their sites"
    assert displacement(now, sites) == pytest.approx(0.7)
    assert failure_of(now, 300, BOND) == ""


def test_two_atoms_too_close_are_a_failure_also_across_the_cells_face() -> None:
    moved = np.zeros((32, 3))
    moved[0] = [-0.8, 0.8, 0.0]
    now, _ = _snapshot(moved)
    distance = np.linalg.norm([3.61 / 2 - 0.8, 3.61 / 2 - 0.8])
    assert failure_of(now, 300, BOND) == f"two atoms {distance:.2f} Å apart"
