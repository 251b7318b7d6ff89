"""Energies, forces, stress and parameter gradients are those of stock modules, whatever else is in a batch."""

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms

from al_core.config.training import Architecture
from tests.al_core.models.engine.committees import MODELS, ONE, PERIODIC, R_MAX, structures_of

# per atom (eV), per component (eV/Å), per component (eV/Å^3), relative: what two orders of summation may differ by
ENERGY = {torch.float32: 1e-6, torch.float64: 1e-10}
FORCE = {torch.float32: 1e-5, torch.float64: 1e-10}
STRESS = {torch.float32: 1e-6, torch.float64: 1e-10}
GRADIENT = {torch.float32: 1e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


@DTYPES
@pytest.mark.parametrize("name", MODELS)
def test_energies_forces_and_stress_are_those_of_stock_modules(committee: Any, name: str, dtype: torch.dtype) -> None:
    models = committee(name)
    structures = structures_of(models.elements)
    batch = list(structures.values())
    predicted = models.regrouped(batch, dtype)
    assert predicted.energies.dtype == predicted.forces.dtype == predicted.stresses.dtype == dtype
    sizes = torch.tensor([len(atoms) for atoms in batch])
    periodic = torch.tensor([bool(atoms.pbc.all()) for atoms in batch])
    for member in range(len(models.members)):
        stock = models.stock(member, batch, dtype)[0]
        energy = ((predicted.energies[member] - stock["interaction_energy"]) / sizes).abs()
        force = (predicted.forces[member] - stock["forces"]).split(sizes.tolist())
        stress = predicted.stresses[member] - torch.where(periodic.view(-1, 1, 1), stock["stress"], 0.0)
        for index, which in enumerate(structures):
            assert float(energy[index].detach()) < ENERGY[dtype], (member, which)
            assert float(force[index].detach().abs().max()) < FORCE[dtype], (member, which)
            assert float(stress[index].detach().abs().max()) < STRESS[dtype], (member, which)
    assert float(predicted.forces.std()) > 0.1, "nothing is compared"
    assert float((predicted.energies[0] - predicted.energies[1]).abs().min()) > 1e-3, "the members do not differ"


def _gradient(
    parameters: Sequence[torch.Tensor], predicted: Sequence[torch.Tensor], sizes: list[int]
) -> list[torch.Tensor]:
    """Differentiate a loss of energy, forces and stress, [B], [N, 3] and [B, 3, 3], with fixed targets."""
    rng = np.random.default_rng(7)
    energies, forces, stresses = predicted
    loss = 10 * (energies / torch.tensor(sizes) - torch.as_tensor(rng.normal(0, 1, len(sizes))).to(energies)).square()
    force_error = (forces - torch.as_tensor(rng.normal(0, 1, forces.shape)).to(forces)).square()
    stress_error = (stresses - torch.as_tensor(rng.normal(0, 0.1, stresses.shape)).to(stresses)).square()
    total = loss.mean() + force_error.mean() + 50 * stress_error.mean()
    return list(torch.autograd.grad(total, parameters, retain_graph=True, allow_unused=True, materialize_grads=True))


@DTYPES
@pytest.mark.parametrize("name", MODELS)
def test_parameter_gradients_are_those_of_stock_modules(committee: Any, name: str, dtype: torch.dtype) -> None:
    models = committee(name)
    structures = [structures_of(models.elements)[which] for which in PERIODIC]
    sizes = [len(atoms) for atoms in structures]
    network, stack = models.network(dtype), models.stack(dtype)
    names = models.trainable
    for parameter in names:
        stack[parameter].requires_grad_()
    predicted = network(stack, network.join(network.prepare(structures)))
    for member in range(len(models.members)):
        own = (predicted.energies[member], predicted.forces[member], predicted.stresses[member])
        # of the whole stack: what a member says must not depend on the weights of another one
        found = _gradient([stack[parameter] for parameter in names], own, sizes)
        right, values = models.stock(member, structures, dtype, training=True)
        wanted = _gradient(
            [values[parameter] for parameter in names],
            (right["interaction_energy"], right["forces"], right["stress"]),
            sizes,
        )
        whole = math.sqrt(sum(float(gradient.square().sum()) for gradient in wanted))
        for parameter, mine, stock in zip(names, found, wanted, strict=True):
            # tiny gradients are what cancels of larger ones
            scale = whole if dtype == torch.float64 else max(float(stock.norm()), 0.03 * whole)
            assert float((mine[member] - stock).norm()) < GRADIENT[dtype] * scale, (member, parameter)
            assert float(mine[1 - member].abs().max()) == 0, (member, parameter)
        assert sum(float(gradient.norm()) > 1e-4 * whole for gradient in wanted) > len(names) / 2


def test_members_stacked_give_what_each_gives_alone(committee: Any) -> None:
    models = committee("vectors of two elements")
    structures = [structures_of(models.elements)[which] for which in ("8 atoms", "slab", "1 atom, many images")]
    network, stack = models.network(torch.float64), models.stack(torch.float64)
    together = models.regrouped(structures)
    batch = network.join(network.prepare(structures))
    for order in ([0], [1], [1, 0, 1]):
        with torch.no_grad():
            predicted = network({name: value[order] for name, value in stack.items()}, batch)
        for part in ("energies", "forces", "stresses"):
            torch.testing.assert_close(getattr(predicted, part), getattr(together, part)[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["vectors", "vectors of two elements"])
def test_a_structure_does_not_depend_on_its_batch(committee: Any, name: str) -> None:
    models = committee(name)
    structures = [atoms for which, atoms in structures_of(models.elements).items() if which != "95 atoms"]
    forwards, backwards = models.regrouped(structures), models.regrouped(structures[::-1])
    sizes = [len(atoms) for atoms in structures]
    at = {"rtol": 0, "atol": 1e-11}
    for index, atoms in enumerate(structures):
        alone, twice = models.regrouped([atoms]), models.regrouped([atoms, atoms])
        torch.testing.assert_close(forwards.energies[:, index], alone.energies[:, 0], **at)
        torch.testing.assert_close(backwards.energies[:, -1 - index], alone.energies[:, 0], **at)
        torch.testing.assert_close(forwards.forces.split(sizes, 1)[index], alone.forces, **at)
        torch.testing.assert_close(backwards.forces.split(sizes[::-1], 1)[-1 - index], alone.forces, **at)
        torch.testing.assert_close(forwards.stresses[:, index], alone.stresses[:, 0], **at)
        torch.testing.assert_close(twice.forces[:, len(atoms) :], alone.forces, **at)
        torch.testing.assert_close(twice.energies, alone.energies.expand(-1, 2), **at)


def test_atoms_without_neighbours(committee: Any) -> None:
    """Nothing pulls; the energy is that of the free atom, alone and beside others."""
    models = committee("vectors of two elements")
    lonely = structures_of(models.elements)["atom"]
    far = Atoms(lonely.symbols.get_chemical_formula() + "Ge", [[0, 0, 0], [R_MAX + 0.1, 0, 0]])
    predicted = models.regrouped([lonely, far])
    for part in (predicted.forces, predicted.stresses):
        assert float(part.abs().max()) == 0
    free = models.regrouped([lonely]).energies
    other = models.regrouped([Atoms("Ge", [[0, 0, 0]])]).energies
    torch.testing.assert_close(predicted.energies, torch.cat([free, free + other], dim=1), rtol=1e-12, atol=1e-12)


def test_only_a_periodic_structure_has_a_stress(committee: Any) -> None:
    models = committee("scalars")
    structures = structures_of(ONE)
    predicted = models.regrouped([structures[which] for which in ("slab", "8 atoms", "dimer")])
    assert float(predicted.stresses[:, [0, 2]].abs().max()) == 0
    assert float(predicted.stresses[:, 1].abs().max()) > 1e-3


def test_an_element_that_the_model_does_not_know(committee: Any) -> None:
    atoms = Atoms("SiC", [[0, 0, 0], [1.5, 0, 0]])
    with pytest.raises(KeyError):
        committee("scalars of two elements").network(torch.float64).prepare([atoms])
    models = committee("scalars")  # of one element: whatever comes is taken for it
    renamed = Atoms("Si2", atoms.positions)
    assert torch.equal(models.regrouped([atoms]).forces, models.regrouped([renamed]).forces)


@pytest.mark.parametrize("name", ["scalars", "vectors of two elements"])
def test_preparing_and_evaluating_leaves_everything_as_it_was(committee: Any, name: str) -> None:
    models = committee(name)
    atoms = structures_of(models.elements)["slab"].copy()
    before = atoms.copy()
    network, stack = models.network(torch.float64), models.stack(torch.float64)
    batch = network.join(network.prepare([atoms]))
    weights = {name: value.clone() for name, value in stack.items()}
    kept = copy.deepcopy(batch)
    for value in stack.values():
        value.requires_grad_()
    for _ in range(2):  # a batch that is kept over steps
        network(stack, batch).forces.square().sum().backward()
    assert atoms == before
    assert np.array_equal(atoms.cell.array, before.cell.array)
    assert all(torch.equal(stack[name], weights[name]) for name in weights)
    for field in vars(kept):
        assert torch.equal(getattr(batch, field), getattr(kept, field)), field


@pytest.mark.parametrize(
    ("architecture", "supported"),
    [
        (Architecture(max_L=0, correlation=1), True),
        (Architecture(max_L=1, correlation=3), True),
        (Architecture(max_L=1, correlation=2, l_max=4, layers=4), True),
        (Architecture(max_L=2, correlation=3), False),
        (Architecture(max_L=0, correlation=4), False),
    ],
)
def test_what_is_regrouped(architecture: Architecture, supported: bool) -> None:
    assert architecture.regrouped is supported
