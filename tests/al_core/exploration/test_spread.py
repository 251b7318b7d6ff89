"""What drives walkers: the committee's mean, and with a bias the way to where its members' energies differ."""

from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms

from al_core.exploration.spread import SpreadForces
from al_core.models.calculator import CommitteeCalculator
from al_core.uncertainty.committee import force_deviation
from tests.al_core.exploration.committees import committee

STIFFNESS = (1.0, 1.6, 2.9)


def test_without_a_bias_forces_are_the_committees_mean(source: Any, crystals: Any, cpu: Any) -> None:
    models = CommitteeCalculator(source, cpu, torch.float64)
    structures = [*crystals("Si", 2, seed=3), crystals("Si", 1, seed=4)[0][:5]]
    forces = SpreadForces(models)
    for found, expected in zip(forces(structures), models.batch(structures), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_it_keeps_how_far_the_members_disagree_and_the_stress(source: Any, crystals: Any, cpu: Any) -> None:
    models = CommitteeCalculator(source, cpu, torch.float64)
    structures = [crystals("Si", 1, seed=3)[0], crystals("Si", 1, seed=4)[0][:5]]
    forces = SpreadForces(models)
    forces(structures)
    assert [one.shape for one in forces.deviations] == [(8,), (5,)]
    for atoms, deviations, stress in zip(structures, forces.deviations, forces.stresses, strict=True):
        _, members, stresses = models.members([atoms])
        np.testing.assert_allclose(deviations, force_deviation(members), atol=1e-9)
        np.testing.assert_allclose(stress, stresses[:, 0].mean(axis=0), atol=1e-12)
    assert max(map(np.max, forces.deviations)) > 1e-3
    forces(structures[1:])
    assert [one.shape for one in forces.deviations] == [(5,)], "of the last call"


def _moved(offsets: Any = (), bias: float = 0.5) -> tuple[Any, Atoms, np.ndarray, np.ndarray]:
    """Return forces, a structure that moved since the first call, and its mean and its biased forces."""
    models = committee(STIFFNESS, offsets, pull=(0.1, 0.0, 0.3))
    atoms = Atoms("Ge4", np.arange(12.0).reshape(4, 3), cell=[9, 9, 9], pbc=True)
    forces = SpreadForces(models, bias)
    forces([atoms])
    atoms.positions += np.random.default_rng(1).normal(0, 0.2, (4, 3))
    _, biased = forces([atoms])
    return models, atoms, models.members([atoms])[1].mean(axis=0), biased


def test_a_bias_points_to_where_the_energies_differ_more() -> None:
    models, atoms, mean, biased = _moved()
    slope, h = np.zeros((4, 3)), 1e-5
    for index in np.ndindex(4, 3):
        spread = []
        for sign in (1, -1):
            atoms.positions[index] += sign * h
            spread.append(models.members([atoms])[0][:, 0].std())
            atoms.positions[index] -= sign * h
        slope[index] = (spread[0] - spread[1]) / (2 * h)
    push = biased - mean
    np.testing.assert_allclose(push / np.linalg.norm(push), slope / np.linalg.norm(slope), atol=1e-6)


@pytest.mark.parametrize("bias", [0.2, 1.0])
def test_a_bias_is_so_large_a_part_of_the_force(bias: float) -> None:
    _, _, mean, biased = _moved(bias=bias)
    assert np.sqrt(((biased - mean) ** 2).mean()) == pytest.approx(bias * np.sqrt((mean**2).mean()))


def test_energies_of_free_atoms_do_not_count() -> None:
    """Members' E0 differ by much more than their energies; what they differed by at the start is left out."""
    np.testing.assert_allclose(_moved(offsets=(-900.0, 40.0, 3.0))[3], _moved()[3], atol=1e-8)


def test_where_the_members_agree_nothing_is_added() -> None:
    forces = SpreadForces(committee((2.0, 2.0)), 1.0)
    atoms = Atoms("Ge2", [[0, 0, 0], [0, 0, 2.5]], cell=[9, 9, 9], pbc=True)
    forces([atoms])
    atoms.positions += [[0.1, 0.0, 0.0], [0.0, 0.0, -0.2]]
    np.testing.assert_allclose(forces([atoms])[1], [[-0.2, 0, 0], [0, 0, 0.4]], atol=1e-12)


def test_each_walker_has_a_start_of_its_own() -> None:
    """A walker that has just started has no bias, whatever another one has moved by."""
    one = Atoms("Ge2", [[0, 0, 0], [0, 0, 2.5]], cell=[9, 9, 9], pbc=True)
    other = Atoms("Ge3", [[0, 0, 0], [0, 0, 2.5], [0, 0, 5.0]], cell=[9, 9, 9], pbc=True)
    settings: dict[str, Any] = {"offsets": (-3.0, 2.0, 4.0), "pull": (0.1, 0.0, 0.3)}
    forces = SpreadForces(committee(STIFFNESS, **settings), 1.0)
    forces([one])
    one.positions[0] += 0.3
    _, found = forces([one, other])
    mean = committee(STIFFNESS, **settings).members([other])[1].mean(axis=0)
    np.testing.assert_allclose(found[2:], mean)
    assert not np.allclose(found[:2], mean[:2])
