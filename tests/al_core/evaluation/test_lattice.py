"""Lattice constant, bulk modulus and phases."""

from typing import Any

import numpy as np
import pytest
from ase.build import bulk

from al_core.config.evaluation import LatticeEvaluation
from al_core.evaluation.equation import equation_of_state
from al_core.evaluation.lattice import lattice


def test_stillinger_weber_silicon(silicon: Any) -> None:
    found = lattice(silicon, LatticeEvaluation()).properties
    assert found["lattice_constant_A"].value == pytest.approx(5.431, abs=1e-3)
    assert found["bulk_modulus_GPa"].value == pytest.approx((151.4 + 2 * 76.4) / 3, rel=2e-3)
    energies = {name: one.value for name, one in found.items() if name.endswith("meV_per_atom")}
    assert set(energies) == {f"{phase}_energy_meV_per_atom" for phase in ("beta_tin", "fcc", "bcc", "sc")}
    assert all(value is not None and value > 100 for value in energies.values()), "diamond is made to be the crystal"


def test_the_details_are_the_points_of_the_equation_of_state(silicon: Any) -> None:
    details = lattice(silicon, LatticeEvaluation(phases=())).details
    volumes, energies = np.array(details["volume_A3_per_atom"]), np.array(details["energy_eV_per_atom"])
    assert (np.diff(volumes) > 0).all()
    assert volumes[0] < silicon.equation.volume < volumes[-1]
    for volume, energy in zip(volumes, energies, strict=True):
        atoms = bulk("Si", "diamond", a=(8 * volume) ** (1 / 3))
        assert energy == pytest.approx(silicon.energy(atoms) / 2, abs=1e-9)


def test_phases_that_are_not_asked_for_are_not_computed(silicon: Any) -> None:
    assert "fcc_energy_meV_per_atom" not in lattice(silicon, LatticeEvaluation(phases=())).properties
    other = equation_of_state(bulk("Si", "fcc", a=4.1), silicon.potential)
    found = lattice(silicon, LatticeEvaluation(phases=("fcc",))).properties["fcc_energy_meV_per_atom"].value
    assert found == pytest.approx(1e3 * (other.energy - silicon.equation.energy), abs=0.5)


def test_without_a_crystal_everything_says_why(without_minimum: Any) -> None:
    measured = lattice(without_minimum, LatticeEvaluation())
    assert measured.details == {}
    found = measured.properties
    assert {one.value for one in found.values()} == {None}
    assert all("no least energy" in one.remark for one in found.values())
