"""A model restricted to some of its elements is the same potential of them."""

from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from al_core.config.training import Architecture
from al_core.models.arms.scratch import initial_model
from al_core.models.bundle import Bundle
from al_core.models.prediction import predict
from al_core.models.slicing import select_elements

ELEMENTS = ("Ca", "Mg", "O", "Si")
SHAPES = [
    Architecture(channels=4, l_max=2, correlation=2, r_max=3.5),
    Architecture(channels=4, max_L=1, l_max=2, correlation=3, r_max=3.5),
    Architecture(channels=4, max_L=2, l_max=2, correlation=2, r_max=3.5),  # mace's own modules
]


@pytest.fixture(params=SHAPES, ids=["scalars", "vectors", "stock"])
def whole(request: pytest.FixtureRequest, cpu: torch.device) -> Bundle:
    bundle = initial_model(request.param, [], ELEMENTS, 3, cpu)
    e0 = torch.tensor([-3.0, -5.0, -7.0, -11.0])
    energies = bundle.weights["atomic_energies_fn.atomic_energies"]
    weights = {**bundle.weights, "atomic_energies_fn.atomic_energies": e0.reshape(energies.shape)}
    return Bundle(bundle.architecture, bundle.elements, bundle.avg_num_neighbors, weights)


def test_some_elements_of_a_model_give_the_same_energies_forces_and_stresses(whole: Bundle, cpu: Any) -> None:
    atoms = bulk("MgO", "rocksalt", a=4.2, cubic=True)
    atoms.rattle(0.1, seed=1)
    some = select_elements(whole, ("O", "Mg"))
    assert some.elements == ("O", "Mg")
    before, after = predict([whole], [atoms], cpu), predict([some], [atoms], cpu)
    np.testing.assert_allclose(after.energies, before.energies, rtol=1e-6)
    np.testing.assert_allclose(after.forces[0], before.forces[0], atol=1e-6 * np.abs(before.forces[0]).max())
    np.testing.assert_allclose(after.stresses, before.stresses, atol=1e-6 * np.abs(before.stresses).max())
    assert np.abs(before.forces[0]).max() > 1e-3, "else nothing is tested"


def test_one_element_is_a_model_of_one(whole: Bundle, cpu: Any) -> None:
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=1)
    one = select_elements(whole, ("Si",))
    before, after = predict([whole], [atoms], cpu), predict([one], [atoms], cpu)
    np.testing.assert_allclose(after.energies, before.energies, rtol=1e-6)
    np.testing.assert_allclose(after.forces[0], before.forces[0], atol=1e-6 * np.abs(before.forces[0]).max())


def test_all_elements_in_their_order_are_the_bundle_itself(whole: Bundle) -> None:
    assert select_elements(whole, ELEMENTS) is whole
