"""Gradient features: projected gradients of forces by weights, inner products as of the gradients themselves."""

from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from al_core.models.engine.gradient_features import energy_features, gradient_features, mean_squared_gradients
from al_core.models.engine.stack import stack


def test_squares_are_those_of_the_gradients(
    source: Any, crystals: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean squared feature of a structure is the mean squared gradient of a force component, to the projection."""
    monkeypatch.setattr("al_core.models.engine.gradient_features._ROWS", 200)
    structures = crystals("Si", 3, seed=4, rattle=0.15)
    found = gradient_features(source[0], structures, cpu)
    assert found.shape[0] == 3
    models = stack(source[:1], torch.float32, cpu)
    leaves = [models.weights[name].requires_grad_(True) for name in models.trainable]
    exact = []
    for atoms in structures:
        forces = models.network(models.weights, models.network.join(models.network.prepare([atoms]))).forces.flatten()
        squares = 0.0
        for component in forces:
            gradients = torch.autograd.grad(component, leaves, retain_graph=True, allow_unused=True)
            squares += sum(float(gradient.square().sum()) for gradient in gradients if gradient is not None)
        exact.append(squares / len(forces))
    ratio = (found**2).sum(axis=2).mean(axis=1) / np.array(exact)
    np.testing.assert_allclose(ratio, 1, atol=0.35)


def test_the_same_structure_answers_the_same_way(source: Any, crystals: Any, cpu: Any) -> None:
    structures = crystals("Si", 2, seed=4)
    assert np.array_equal(gradient_features(source[0], structures, cpu), gradient_features(source[0], structures, cpu))


def test_mean_squared_gradients_are_those_of_the_single_values(
    source: Any, cells: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an energy per atom exactly; of force and stress components by random combinations, of many copies here."""
    models = stack(source, torch.float64, cpu)
    found = mean_squared_gradients(models, [cells["rattled"]] * 150)
    leaves = [models.weights[name].requires_grad_(True) for name in models.trainable]
    predicted = models.network(models.weights, models.network.join(models.network.prepare([cells["rattled"]])))
    kinds = {
        "energy": predicted.energies / len(cells["rattled"]),
        "force": predicted.forces.flatten(1),
        "stress": torch.stack([predicted.stresses[:, 0, i, j] for i in range(3) for j in range(i, 3)], 1),
    }
    for kind, values in kinds.items():
        expected = torch.zeros(len(source), dtype=torch.float64)
        for column in values.sum(0):
            gradients = torch.autograd.grad(column, leaves, retain_graph=True, materialize_grads=True)
            expected += sum(gradient.flatten(1).square().sum(1) for gradient in gradients) / values.shape[1]
        ratio = getattr(found, kind) / expected
        torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=1e-8 if kind == "energy" else 0.2, atol=0)


def test_structures_without_forces_or_volume_do_not_dilute_the_means(source: Any, cells: Any, cpu: Any) -> None:
    models = stack(source, torch.float64, cpu)
    rattled, still, cluster = cells["rattled"], bulk("Si", a=5.5), cells["cluster"]
    alone = mean_squared_gradients(models, [rattled])
    torch.testing.assert_close(mean_squared_gradients(models, [rattled, still]).force, alone.force)
    torch.testing.assert_close(mean_squared_gradients(models, [rattled, cluster]).stress, alone.stress)


def test_energy_features_are_those_of_a_mean_over_atoms(source: Any, cells: Any, cpu: Any) -> None:
    """A cell and its repetition have the same surroundings; squares are those of the gradients, to the projection."""
    one, other = cells["rattled"], cells["perfect"]
    found = energy_features(source[0], [one, one.repeat((2, 1, 1)), other], cpu)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=1e-4 * np.abs(found[0]).max())
    exact = mean_squared_gradients(stack(source[:1], torch.float64, cpu), [one]).energy
    assert (found[0] ** 2).sum() / float(exact) == pytest.approx(1, abs=0.35)
    assert np.abs(found[2] - found[0]).max() > 0.01 * np.abs(found[0]).max()
