"""Labels that cannot be right are told from those that can."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk

from al_core.types import Label
from calculators.gpaw.label_checks import asymmetry, failed_check


def test_labels_that_cannot_be_right_fail_a_check() -> None:
    atoms = bulk("Ge", "diamond", a=5.66, cubic=True)
    atoms.rattle(0.1, seed=1)
    forces = np.zeros((8, 3))
    good = Label(-1.0, forces, np.zeros(6), 30.0, {"scf_steps": 12})
    assert failed_check(atoms, good, 40.0) == ""
    assert "not one step" in failed_check(atoms, replace(good, provenance={"scf_steps": 0}), 40.0)
    assert "0.1 core-seconds, of 40 expected" in failed_check(atoms, replace(good, core_seconds=0.1), 40.0)
    forces[0, 2] = 0.1
    assert "net force is 12.5 meV/Å per atom, more than 5" in failed_check(atoms, good, 40.0)


def test_forces_that_break_the_symmetry_are_suspicious() -> None:
    atoms = bulk("Ge", "diamond", a=5.66)
    forces = np.array([[0.01, 0.0, 0.0], [-0.01, 0.0, 0.0]])
    label = Label(-1.0, forces, np.zeros(6), 30.0, {"scf_steps": 12})
    assert "break the structure's symmetry by 20.0 meV/Å, more than 5" in failed_check(atoms, label, 40.0)


def displaced(atoms: Atoms, by: tuple[float, float, float]) -> Atoms:
    atoms.positions[0] += by
    return atoms


@pytest.mark.parametrize(
    ("atoms", "operations"),
    [
        (bulk("Ge", "diamond", a=5.66), 48),
        (displaced(bulk("Ge", "diamond", a=5.66, cubic=True).repeat(2), (0.1, 0.1, 0.1)), 6),
        (displaced(bulk("Ge", "diamond", a=5.66, cubic=True), (0.1, 0.05, 0.02)), 1),
    ],
    ids=["crystal", "one atom along a bond", "one atom somewhere"],
)
def test_right_forces_have_the_symmetry_of_their_structure(atoms: Atoms, operations: int, sw_label: Any) -> None:
    forces = sw_label(atoms).forces
    assert asymmetry(atoms, forces) < 1e-9
    forces[1, 2] += 0.01
    forces[1, 0] -= 0.02
    assert (asymmetry(atoms, forces) > 5e-3) == (operations > 1)


def test_the_error_handling_of_spglib_is_as_before() -> None:
    before = spglib.error.OLD_ERROR_HANDLING
    assert asymmetry(Atoms("Ge2", np.zeros((2, 3)), cell=4 * np.eye(3), pbc=True), np.zeros((2, 3))) == 0.0
    assert before == spglib.error.OLD_ERROR_HANDLING
