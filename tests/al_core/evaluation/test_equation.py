"""Equations of state, and cells of phases."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.neighborlist import neighbor_list

from al_core.evaluation.equation import equation_of_state, primitive_cell
from al_core.evaluation.measured import NoPropertyError


def test_the_derivative_of_the_bulk_modulus_is_that_of_the_energies() -> None:
    """Against the pressure of two volumes: B' = dB/dp."""
    found = equation_of_state(bulk("Cu", "fcc", a=3.61), EMT())
    moduli, pressures = [], []
    for ratio in (0.99, 1.0, 1.01):
        edge = (4 * found.volume * ratio) ** (1 / 3)
        stresses = []
        for step in (0.999, 1.001):
            atoms = bulk("Cu", "fcc", a=edge * step ** (1 / 3))
            atoms.calc = EMT()
            stresses.append(-atoms.get_stress()[:3].mean())
        moduli.append(-(stresses[1] - stresses[0]) / 0.002)
        pressures.append(np.mean(stresses))
    assert found.derivative == pytest.approx((moduli[0] - moduli[2]) / (pressures[0] - pressures[2]), rel=0.1)


def test_beta_tin_has_four_neighbours_and_two_more() -> None:
    """At c/a = sqrt(2) it would be diamond; at 0.55 two atoms along c are nearly as near as the four."""
    atoms = primitive_cell("Si", "beta_tin", 15.0)
    assert atoms.get_volume() / 2 == pytest.approx(15.0)
    distances = np.sort(neighbor_list("d", atoms, 3.0))
    a = (4 * 15.0 / 0.55) ** (1 / 3)
    four = a * (1 / 4 + 0.55**2 / 16) ** 0.5
    np.testing.assert_allclose(distances, np.sort([four] * 8 + [0.55 * a] * 4))


def test_a_free_ratio_costs_no_more_than_the_ideal_one() -> None:
    cell = primitive_cell("Ag", "hcp", 16.8)
    free, ideal = equation_of_state(cell, EMT(), free_ratio=True), equation_of_state(cell, EMT())
    assert free.volumes == ideal.volumes
    assert all(one <= other for one, other in zip(free.energies, ideal.energies, strict=True))
    assert ideal.ratio is None


def test_a_ratio_without_a_least_energy_is_told() -> None:
    with pytest.raises(NoPropertyError, match=r"no least energy of c/a between 1\.02 and 1\.44"):
        equation_of_state(primitive_cell("Ag", "hcp", 16.8, ratio=1.2), EMT(), free_ratio=True)


class BrokenWhenStretched(EMT):
    """A potential without an energy near the crystal's volume, as models beyond what they learned can be."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=("positions",)):
        super().calculate(atoms, properties, system_changes)
        if atoms.get_volume() > 11.3:
            self.results["energy"] = float("nan")


def test_energies_that_are_not_finite_have_no_equation_of_state() -> None:
    with pytest.raises(NoPropertyError, match="energies are not finite"):
        equation_of_state(bulk("Cu", "fcc", a=3.61), BrokenWhenStretched())
