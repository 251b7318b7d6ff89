"""The crystal under test: its cells, relaxations, and what cannot be computed."""

from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT

from al_core.errors import ConfigError, LabelError
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import NoPropertyError, Property


def test_silicon_is_where_its_potential_has_it(silicon: Any) -> None:
    assert silicon.lattice_constant == pytest.approx(5.431, abs=1e-3)
    assert silicon.bond == pytest.approx(2.3517, abs=1e-3)
    assert silicon.equation.energy == pytest.approx(-2 * 2.1683, abs=1e-4), "four bonds of epsilon, each of two atoms"
    assert len(silicon.cell(2)) == 64


def test_the_pressure_vanishes_at_the_least_energy(silicon: Any) -> None:
    cell = silicon.cell()
    cell.calc = silicon.potential
    assert np.abs(cell.get_stress()).max() < 2e-4


def test_the_crystal_is_the_elements_own_or_the_one_asked_for() -> None:
    assert Material("Ge", EMT()).structure == "diamond"
    assert Material("W", EMT()).structure == "bcc"
    assert Material("Fe", EMT(), "fcc").structure == "fcc"
    with pytest.raises(
        ConfigError, match="Ga crystallises as orthorhombic; properties are computed of diamond, fcc, bcc, sc, hcp"
    ):
        Material("Ga", EMT())


def test_what_has_no_minimum_has_no_properties(without_minimum: Any) -> None:
    with pytest.raises(NoPropertyError, match=r"no least energy between 0\.7 and 1\.3"):
        _ = without_minimum.equation


def test_a_relaxation_that_explodes_is_told(silicon: Any) -> None:
    atoms = silicon.cell(2)
    atoms.positions[1] = atoms.positions[0] + (0.7, 0, 0)
    with pytest.raises(NoPropertyError, match="the relaxation is lost: a force of"):
        silicon.relaxed(atoms)


def test_the_reason_stands_in_place_of_a_value() -> None:
    def fails() -> list[float]:
        raise LabelError("SCF not converged")

    assert computed({"x_eV": "eV"}, fails) == {"x_eV": Property(None, "eV", "SCF not converged")}
    assert computed({"x_eV": "eV"}, lambda: [1]) == {"x_eV": Property(1.0, "eV")}
