"""Phonons."""

from typing import Any

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT

from al_core.config.evaluation import PhononsEvaluation
from al_core.evaluation.material import Material
from al_core.evaluation.phonons import dynamics, frequencies, phonons


@pytest.fixture(scope="module")
def of_silicon(silicon: Any) -> Any:
    return phonons(silicon, PhononsEvaluation())


def test_a_displacement_along_the_optical_mode_has_its_frequency(silicon: Any, of_silicon: Any) -> None:
    """Energies of the two atoms moved against each other: E = m w^2 u^2 / 2 for each."""
    found = of_silicon.properties["phonon_gamma_THz"].value
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


def test_the_dispersion_goes_through_the_points_of_high_symmetry(of_silicon: Any) -> None:
    dispersion = of_silicon.details["dispersion"]
    distance, bands = np.array(dispersion["distance"]), np.array(dispersion["frequencies_THz"])
    assert bands.shape == (6, len(distance))
    assert (np.diff(distance) >= 0).all()
    assert dispersion["labels"] == ["Γ", "X", "U|K", "Γ", "L"]
    gamma, x, u, second_gamma, _ = (int(np.abs(distance - tick).argmin()) for tick in dispersion["ticks"])
    values = {name: one.value for name, one in of_silicon.properties.items()}
    for band, place, name in [
        (-1, gamma, "phonon_gamma_THz"),
        (-1, second_gamma, "phonon_gamma_THz"),
        (0, x, "phonon_X_lowest_THz"),
        (-1, x, "phonon_X_highest_THz"),
        (0, -1, "phonon_L_lowest_THz"),
        (-1, -1, "phonon_L_highest_THz"),
    ]:
        assert bands[band, place] == pytest.approx(values[name], abs=1e-3), name
    assert distance[u] == distance[u + 1]
    np.testing.assert_allclose(bands[:, u], bands[:, u + 1], atol=1e-3, err_msg="U and K are one point of the crystal")


@pytest.mark.parametrize(("structure", "labels"), [("bcc", "ΓHNΓPH"), ("sc", "ΓXMΓRX")])
def test_the_other_lattices_have_lines_of_their_own(structure: str, labels: str) -> None:
    found = phonons(Material("Cu", EMT(), structure), PhononsEvaluation()).details["dispersion"]
    assert "".join(found["labels"]) == labels
    distance, bands = np.array(found["distance"]), np.array(found["frequencies_THz"])
    for label, tick in zip(found["labels"], found["ticks"], strict=True):
        at = np.abs(distance - tick) < 1e-9
        assert at.any()
        if label == "Γ":
            np.testing.assert_allclose(bands[:, at], 0, atol=1e-3)


def test_the_density_of_states_is_that_of_the_bands(silicon: Any, of_silicon: Any) -> None:
    dos = of_silicon.details["dos"]
    frequency, density = np.array(dos["frequency_THz"]), np.array(dos["density"])
    assert np.trapezoid(density, frequency) == pytest.approx(1)
    assert frequency[-1] == pytest.approx(of_silicon.properties["phonon_gamma_THz"].value, abs=0.01)
    points = np.random.default_rng(0).random((1000, 3))
    everywhere = frequencies(dynamics(silicon, PhononsEvaluation()), points).ravel()
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(frequency))])
    for limit in (4, 7, 12, 15):
        assert np.interp(limit, frequency, below) == pytest.approx((everywhere < limit).mean(), abs=0.02)


def test_a_stable_crystal_has_no_imaginary_modes_and_an_unstable_one_says_so(silicon: Any, of_silicon: Any) -> None:
    found = of_silicon.properties
    assert found["imaginary_modes_percent"].value == 0
    assert found["imaginary_modes_percent"].remark == ""
    dense = phonons(Material("Si", silicon.potential, "fcc"), PhononsEvaluation(supercell=2)).properties
    assert dense["imaginary_modes_percent"].value > 1  # type: ignore[operator]
    assert dense["imaginary_modes_percent"].remark == "the crystal is not stable"


def test_without_a_crystal_there_are_none(without_minimum: Any) -> None:
    found = phonons(without_minimum, PhononsEvaluation())
    assert {one.value for one in found.properties.values()} == {None}
    assert found.details == {}
