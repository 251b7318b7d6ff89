"""What trajectories are summed up by: against gases, crystals, walks and oscillators that are known."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.evaluation.trajectories import (
    bond_angles,
    coordination,
    diffusion_coefficient,
    mean_square_displacement,
    radial_distribution,
    vibrational_density,
)


def test_the_radial_distribution_of_an_ideal_gas_is_one() -> None:
    random = np.random.default_rng(0)
    gas = [Atoms("Ar800", positions=random.uniform(0, 20, (800, 3)), cell=[20] * 3, pbc=True) for _ in range(5)]
    distance, g = radial_distribution(gas)
    far = distance > 1
    assert g[far].mean() == pytest.approx(1, abs=0.01)
    assert np.abs(g[far] - 1).max() < 0.2


def test_the_integral_of_the_radial_distribution_is_the_number_of_neighbours() -> None:
    silicon = bulk("Si", "diamond", a=5.43, cubic=True) * (2, 2, 2)
    distance, g = radial_distribution([silicon])
    density = len(silicon) / silicon.get_volume()
    shells = np.cumsum(4 * np.pi * distance**2 * g * density * (distance[1] - distance[0]))
    assert shells[distance < 3][-1] == pytest.approx(4, rel=1e-3)
    assert shells[distance < 4.2][-1] == pytest.approx(16, rel=1e-3)
    assert distance[g > 0][0] == pytest.approx(5.43 * 3**0.5 / 4, abs=0.03)


@pytest.mark.parametrize(
    ("structure", "edge", "neighbours", "expected"),
    [
        ("diamond", 5.43, 4, {109.5: 1.0}),
        ("sc", 2.5, 6, {90: 12 / 15, 180: 3 / 15}),
        ("fcc", 3.6, 12, {60: 24 / 66, 90: 12 / 66, 120: 24 / 66, 180: 6 / 66}),
    ],
)
def test_neighbours_and_angles_of_crystals(
    structure: str, edge: float, neighbours: int, expected: dict[float, float]
) -> None:
    crystal = bulk("Si", structure, a=edge, cubic=True) * (2, 2, 2)
    crystal.rattle(1e-4, seed=0)
    bond = crystal.get_all_distances(mic=True)[0, 1:].min()
    assert coordination([crystal], 1.2 * bond) == neighbours
    degree, density = bond_angles([crystal], 1.2 * bond)
    assert density.sum() * (degree[1] - degree[0]) == pytest.approx(1)
    for angle, share in expected.items():
        near = np.abs(degree - angle) <= 2
        assert density[near].sum() * (degree[1] - degree[0]) == pytest.approx(share, rel=1e-6)


def test_an_atom_without_two_neighbours_has_no_angles() -> None:
    assert bond_angles([Atoms("Ar", cell=[9] * 3, pbc=True)], 3.0)[1].sum() == 0


def test_free_flight_has_the_square_of_its_way() -> None:
    velocity = np.random.default_rng(0).normal(size=(1, 50, 3))
    time, msd = mean_square_displacement(np.arange(100)[:, None, None] * 0.02 * velocity, 0.02)
    np.testing.assert_allclose(msd, (velocity**2).sum(axis=2).mean() * time**2)
    assert (time[0], time[-1]) == (0, 1.0)


def test_a_random_walk_has_its_diffusion_coefficient() -> None:
    """Steps of variance 2 D dt in each direction."""
    expected, interval = 0.7, 0.02
    steps = np.random.default_rng(0).normal(scale=np.sqrt(2 * expected * interval), size=(600, 200, 3))
    time, msd = mean_square_displacement(np.cumsum(steps, axis=0), interval)
    assert diffusion_coefficient(time, msd) == pytest.approx(expected, rel=0.06)
    caged = msd + 0.3 * (1 - np.exp(-time / 0.1))
    assert diffusion_coefficient(time, caged) == pytest.approx(diffusion_coefficient(time, msd), rel=1e-3)


def test_oscillators_are_seen_at_their_frequencies() -> None:
    """Two in three of 5 THz, one of 12 THz and a quarter of the mass, all with the same kinetic energy."""
    times = np.arange(0, 10, 0.01)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (30, 3))
    frequencies = np.array([5.0, 5.0, 12.0])
    masses = np.array([4.0, 4.0, 1.0])
    phases, frequencies = phases.reshape(30, 3, 1), np.repeat(frequencies[:, None], 1, axis=1)
    velocities = np.sin(2 * np.pi * frequencies * times[:, None, None, None] + phases) / np.sqrt(masses)[:, None]
    velocities = velocities.reshape(len(times), 30, 3, 1).repeat(3, axis=3).reshape(len(times), 90, 3)
    frequency, density = vibrational_density(velocities, 0.01, np.tile(masses, 30))
    assert np.trapezoid(density, frequency) == pytest.approx(1)
    low, high = frequency < 8.5, frequency >= 8.5
    assert frequency[low][density[low].argmax()] == pytest.approx(5, abs=0.25)
    assert frequency[high][density[high].argmax()] == pytest.approx(12, abs=0.25)
    assert np.trapezoid(density[low], frequency[low]) == pytest.approx(2 / 3, abs=0.01)


def test_the_spectrum_is_that_of_the_autocorrelation() -> None:
    """An atom that forgets its velocity at a rate has a Lorentzian of that width: Langevin's free particle."""
    rate, interval, random = 20.0, 0.005, np.random.default_rng(0)
    kept = np.exp(-rate * interval)
    velocities = [random.normal(size=(60, 3))]
    for _ in range(4000):
        velocities.append(kept * velocities[-1] + np.sqrt(1 - kept**2) * random.normal(size=(60, 3)))
    frequency, density = vibrational_density(np.array(velocities), interval, np.ones(60))
    lorentzian = rate / (rate**2 + (2 * np.pi * frequency) ** 2)
    lorentzian /= np.trapezoid(lorentzian, frequency)
    inner = (frequency > 1) & (frequency < 15)
    np.testing.assert_allclose(density[inner], lorentzian[inner], rtol=0.15)


def test_frames_are_left_as_they_are() -> None:
    frame: Any = bulk("Si", cubic=True)
    frame.rattle(0.1, seed=0)
    before = frame.positions.copy()
    radial_distribution([frame])
    bond_angles([frame], 3.0)
    np.testing.assert_array_equal(frame.positions, before)
