"""Phonons."""

from typing import Any

import numpy as np
import pytest
from ase import units
from ase.build import bulk

from al_core.config.evaluation import PhononsEvaluation
from al_core.evaluation.material import Material
from al_core.evaluation.phonons import dynamics, frequencies, phonons


def test_a_displacement_along_the_optical_mode_has_its_frequency(silicon: Any) -> None:
    """Energies of the two atoms moved against each other: E = m w^2 u^2 / 2 for each."""
    found = phonons(silicon, PhononsEvaluation()).properties["phonon_gamma_THz"].value
    u, energies = 0.01, []
    for displacement in (0.0, u, -u):
        atoms = bulk("Si", "diamond", a=silicon.lattice_constant)
        atoms.positions[0, 0] += displacement
        atoms.positions[1, 0] -= displacement
        energies.append(silicon.energy(atoms))
    curvature = (energies[1] + energies[2] - 2 * energies[0]) / u**2
    omega = np.sqrt(curvature / (2 * 28.0855))  # 1 / ASE's unit of time
    assert found == pytest.approx(omega * units.fs * 1e3 / (2 * np.pi), rel=2e-3)


@pytest.mark.slow
def test_long_waves_are_as_fast_as_sound(silicon: Any) -> None:
    """Along [100] the longitudinal speed is sqrt(C11 / density)."""
    phonon = dynamics(silicon, PhononsEvaluation(supercell=3))
    part = 0.02  # of the way to X, which is 2 pi / a away
    frequency = frequencies(phonon, [(part / 2, 0, part / 2)])[0, 2]  # two transverse ones are below
    edge = silicon.lattice_constant
    speed = frequency * 1e12 * edge * 1e-10 / part  # m/s
    density = 8 * 28.0855 * units._amu / (edge * 1e-10) ** 3
    assert speed == pytest.approx(np.sqrt(151.4e9 / density), rel=0.02)


def test_a_stable_crystal_has_no_imaginary_modes_and_an_unstable_one_says_so(silicon: Any) -> None:
    found = phonons(silicon, PhononsEvaluation()).properties
    assert found["imaginary_modes_percent"].value == 0
    assert found["imaginary_modes_percent"].remark == ""
    dense = phonons(Material("Si", silicon.potential, "fcc"), PhononsEvaluation(supercell=2)).properties
    assert dense["imaginary_modes_percent"].value > 1  # type: ignore[operator]
    assert dense["imaginary_modes_percent"].remark == "the crystal is not stable"


def test_without_a_crystal_there_are_none(without_minimum: Any) -> None:
    assert {one.value for one in phonons(without_minimum, PhononsEvaluation()).properties.values()} == {None}
