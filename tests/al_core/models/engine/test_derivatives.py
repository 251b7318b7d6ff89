"""Forces and stress against finite differences, and what turning, moving and renumbering does."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.al_core.models.engine.committees import ONE, structures_of
from tests.helpers import strained

# ---- derivatives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["1 atom, many images", "2 atoms", "8 atoms", "slab", "dimer"])
@pytest.mark.parametrize("name", ["vectors of two elements", "scalars"])
def test_forces_are_the_slope_of_the_energy(committee: Any, name: str, which: str) -> None:
    models = committee(name)
    atoms, h = structures_of(models.elements)[which], 1e-4
    moves = [(atom, axis) for atom in range(min(2, len(atoms))) for axis in range(3)]
    copies = []
    for atom, axis in moves:
        for sign in (1, -1):
            copies.append(atoms.copy())
            copies[-1].positions[atom, axis] += sign * h
    energies = models.regrouped(copies).energies.view(2, len(moves), 2)
    found = models.regrouped([atoms]).forces[:, [atom for atom, _ in moves], [axis for _, axis in moves]]
    torch.testing.assert_close(found, (energies[..., 1] - energies[..., 0]) / (2 * h), rtol=1e-6, atol=1e-6)
    assert which.startswith("1 atom") or float(found.abs().max()) > 0.05


@pytest.mark.parametrize("which", ["1 atom, many images", "2 atoms", "8 atoms"])
@pytest.mark.parametrize("name", ["vectors of two elements", "scalars"])
def test_stress_is_the_slope_of_the_energy(committee: Any, name: str, which: str) -> None:
    models = committee(name)
    atoms, h = structures_of(models.elements)[which], 1e-5
    axes = [(a, b) for a in range(3) for b in range(a, 3)]
    copies = [strained(atoms, a, b, sign * h) for a, b in axes for sign in (1, -1)]
    energies = models.regrouped(copies).energies.view(2, len(axes), 2)
    stress = models.regrouped([atoms]).stresses[:, 0]
    assert torch.equal(stress, stress.mT)
    slopes = (energies[..., 0] - energies[..., 1]) / (2 * h * atoms.get_volume())
    torch.testing.assert_close(stress[:, [a for a, _ in axes], [b for _, b in axes]], slopes, rtol=1e-6, atol=1e-7)
    assert float(stress.abs().max()) > 1e-3


# ---- symmetry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["8 atoms", "slab", "dimer"])
@pytest.mark.parametrize("name", ["vectors of two elements", "vectors"])
def test_turning_moving_and_renumbering(committee: Any, name: str, which: str) -> None:
    models = committee(name)
    atoms = structures_of(models.elements)[which]
    # of the slab the third axis is not periodic, and its vector is remade by mace along z: turned about z
    general = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]  # a mirror image is as good
    about_z = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1.0]])
    turn = about_z if which == "slab" else general
    turned, moved = atoms.copy(), atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    moved.positions += [11.3, -4.7, 2.9]
    order = np.random.default_rng(4).permutation(len(atoms))
    renumbered = atoms[order]
    if atoms.pbc.all():
        moved.wrap()
    predicted = models.regrouped([atoms])
    after = [models.regrouped([one]) for one in (turned, moved, renumbered)]
    at = {"rtol": 0, "atol": 1e-9}
    for one in after:
        torch.testing.assert_close(one.energies, predicted.energies, **at)
    rotation = torch.from_numpy(turn)
    torch.testing.assert_close(after[0].forces, predicted.forces @ rotation.T, **at)
    torch.testing.assert_close(after[0].stresses, rotation @ predicted.stresses @ rotation.T, **at)
    torch.testing.assert_close(after[1].forces, predicted.forces, **at)
    torch.testing.assert_close(after[1].stresses, predicted.stresses, **at)
    torch.testing.assert_close(after[2].forces, predicted.forces[:, order], **at)
    torch.testing.assert_close(after[2].stresses, predicted.stresses, **at)


def test_a_supercell_is_the_same_crystal(committee: Any) -> None:
    """One atom that is its own neighbour 100 times over, and the same crystal of eight atoms."""
    models = committee("vectors")
    one = structures_of(ONE)["1 atom, many images"]
    small, large = models.regrouped([one]), models.regrouped([one * (2, 2, 2)])
    torch.testing.assert_close(large.energies, 8 * small.energies, rtol=1e-11, atol=0)
    torch.testing.assert_close(large.stresses, small.stresses, rtol=0, atol=1e-11)
    assert float(small.forces.abs().max()) < 1e-11
