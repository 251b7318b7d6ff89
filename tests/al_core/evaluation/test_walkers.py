"""Walkers: their dynamics is ASE's, their temperature the bath's, and none depends on the others."""

from typing import Any

import numpy as np
import pytest
import torch
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from al_core.config.labelers import EMTLabeler
from al_core.errors import LabelError
from al_core.evaluation.failures import failure_of
from al_core.evaluation.walkers import Walkers, batched
from al_core.labels.calculator import LabelCalculator
from al_core.models.bundle import load_bundle
from al_core.models.calculator import CommitteeCalculator
from al_core.models.committee import committee_folders
from al_core.models.sources.shipped import shipped_committee
from calculators.base import make_labeler


@pytest.fixture
def copper() -> Any:
    return bulk("Cu", "fcc", a=3.61, cubic=True)


def test_without_friction_it_is_velocity_verlet(copper: Any) -> None:
    walkers = Walkers([copper], batched(EMT()), [600], 3.0, [0.0])
    ase = copper.copy()
    ase.calc = EMT()
    ase.set_velocities(walkers._velocities[0])
    walkers.run(40)
    VelocityVerlet(ase, 3.0 * units.fs).run(40)
    np.testing.assert_allclose(walkers.snapshot(0).atoms.positions, ase.positions, atol=1e-9)
    assert walkers.snapshot(0).energy == pytest.approx(ase.get_total_energy(), abs=1e-9)
    assert walkers.snapshot(0).temperature_K == pytest.approx(4 / 3 * ase.get_temperature(), rel=1e-9), "3N - 3"


def test_the_total_energy_is_conserved(copper: Any) -> None:
    walkers = Walkers([copper], batched(EMT()), [300], 2.0, [0.0])
    before = walkers.snapshot(0).energy
    walkers.run(200)
    assert walkers.snapshot(0).energy == pytest.approx(before, abs=4 * 1e-3)


@pytest.mark.parametrize("where", [np.nan, 1e15])
def test_a_walker_that_explodes_does_not_stop_the_others(copper: Any, where: float) -> None:
    """Whoever looks for neighbours of such atoms does not come back."""
    walkers = Walkers([copper, copper], batched(EMT()), [300, 300], 2.0, [0.01, 0.01])
    alone = Walkers([copper], batched(EMT()), [300], 2.0, [0.01])
    walkers._atoms[1].positions[0, 0] = where
    walkers.run(20)
    alone.run(20)
    assert np.isnan(walkers.snapshot(1).forces).all()
    assert failure_of(walkers.snapshot(1), 300, 2.5) == "a force of nan eV/Å"
    walkers.stop(1)
    walkers.run(5)
    alone.run(5)
    np.testing.assert_array_equal(walkers.snapshot(0).atoms.positions, alone.snapshot(0).atoms.positions)


def test_what_a_labeler_refuses_does_not_stop_the_others(copper: Any) -> None:
    potential = LabelCalculator(make_labeler(EMTLabeler()))
    iron = copper.copy()
    iron.symbols[1] = "Fe"
    energies, forces = batched(potential)([copper, iron])
    assert np.isfinite(energies).tolist() == [True, False]
    assert np.isfinite(forces).all(axis=1).tolist() == [True] * 4 + [False] * 4
    with pytest.raises(LabelError):
        batched(potential)([iron, iron])


def test_the_bath_holds_its_temperature(copper: Any) -> None:
    """Many independent atoms in a harmonic well have the bath's kinetic energy after a while, also from rest."""

    def well(structures: Any) -> Any:
        moved = [atoms.positions - copper.positions[0] for atoms in structures]
        return np.zeros(len(structures)), np.concatenate([-5.0 * one for one in moved])

    many = copper.copy() * (5, 5, 5)
    many.positions[:] = copper.positions[0]
    walkers = Walkers([many, many], well, [300, 900], 2.0, [0.02, 0.02])
    walkers._velocities = [np.zeros_like(one) for one in walkers._velocities]
    walkers.run(300)
    found = [walkers.snapshot(number).temperature_K for number in range(2)]
    assert found == pytest.approx([300, 900], rel=0.15)


def test_another_bath_is_another_temperature(copper: Any) -> None:
    """A walker that is cooled forgets its heat; without friction from now on it keeps its energy."""
    walkers = Walkers([copper * (2, 2, 2)], batched(EMT()), [1200], 4.0, [0.05])
    walkers.run(20)
    hot = walkers.snapshot(0).energy
    walkers.bath(0, 50, 0.2)
    walkers.run(60)
    cold = walkers.snapshot(0)
    assert cold.temperature_K < 100
    assert cold.energy < hot - 3
    walkers.bath(0, 2000, 0.0)
    walkers.run(20)
    assert walkers.snapshot(0).energy == pytest.approx(cold.energy, abs=0.01)


def test_a_snapshot_has_the_velocities_of_its_temperature(copper: Any) -> None:
    now = Walkers([copper * (2, 2, 2)], batched(EMT()), [300], 4.0, [0.0]).snapshot(0)
    kinetic = 0.5 * (now.atoms.get_masses()[:, None] * now.velocities**2).sum()
    assert now.temperature_K == pytest.approx(2 * kinetic / (3 * 31 * units.kB))
    np.testing.assert_allclose(now.velocities.mean(axis=0), 0, atol=1e-12)


def test_a_walker_does_not_depend_on_the_others(copper: Any) -> None:
    both = Walkers([copper, copper], batched(EMT()), [300, 700], 2.0, [0.01, 0.01])
    both.run(10)
    both.stop(0)
    rest = both.snapshot(0).atoms.positions.copy()
    both.run(10)
    np.testing.assert_array_equal(both.snapshot(0).atoms.positions, rest)
    other = Walkers([copper, copper], batched(EMT()), [300, 700], 2.0, [0.01, 0.01])
    other.run(20)
    np.testing.assert_array_equal(both.snapshot(1).atoms.positions, other.snapshot(1).atoms.positions)
    assert not np.array_equal(other.snapshot(0).atoms.positions, rest)


def test_a_committee_computes_walkers_together(cpu: Any) -> None:
    committee = [load_bundle(folder) for folder in committee_folders(shipped_committee("si-pbe"))[:2]]
    calculator = CommitteeCalculator(committee, cpu, torch.float64)
    structures = []
    for number in range(12):  # more than go into one batch
        atoms = bulk("Si", cubic=True) * ((2, 2, 2) if number else (1, 1, 1))
        atoms.rattle(0.1, seed=number)
        structures.append(atoms)
    energies, forces = batched(calculator)(structures)
    expected_energies, expected_forces = [], []
    for atoms in structures:
        atoms.calc = calculator
        expected_energies.append(atoms.get_potential_energy())
        expected_forces.append(atoms.get_forces())
    np.testing.assert_allclose(energies, expected_energies, rtol=1e-10)
    np.testing.assert_allclose(forces, np.concatenate(expected_forces), atol=1e-9)


def test_the_seed_decides_velocities_and_noise(copper: Any) -> None:
    ends = []
    for seed in (None, 3, 3, 4):
        walkers = Walkers([copper, copper], batched(EMT()), [300, 300], 2.0, [0.02, 0.02], seed)
        walkers.run(5)
        ends.append([walkers.snapshot(number).atoms.positions for number in range(2)])
    np.testing.assert_array_equal(ends[1], ends[2])
    different = [ends[0][0], ends[0][1], *ends[1], *ends[3]]
    assert len({one.round(9).tobytes() for one in different}) == 6, "each walker of each seed goes its own way"


def test_without_a_seed_walkers_go_as_they_did_before_there_was_one(copper: Any) -> None:
    """Results on the disks of users were made so."""
    velocities = Walkers([copper, copper], batched(EMT()), [300, 300], 2.0, [0.0, 0.0])._velocities[1]
    width = np.sqrt(units.kB * 600 / copper.get_masses())[:, None]
    expected = width * np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_allclose(velocities, expected - expected.mean(axis=0))


def test_a_stretched_walker_has_larger_lengths_and_slower_atoms(copper: Any) -> None:
    walkers = Walkers([copper, copper], batched(EMT()), [300, 300], 2.0, [0.0, 0.0])
    walkers.run(3)
    before = [walkers.snapshot(number) for number in range(2)]
    shape, velocities = [one.atoms.copy() for one in before], [one.velocities.copy() for one in before]
    walkers.stretch(0, 1.01)
    now = walkers.snapshot(0)
    np.testing.assert_allclose(now.atoms.cell.array, 1.01 * shape[0].cell.array)
    np.testing.assert_allclose(now.atoms.positions, 1.01 * shape[0].positions)
    np.testing.assert_allclose(now.velocities, velocities[0] / 1.01)
    other = walkers.snapshot(1)
    assert other.atoms == shape[1]
    np.testing.assert_array_equal(other.velocities, velocities[1])
    assert copper.cell.cellpar()[0] == pytest.approx(3.61), "the start was changed"
