"""Gradient features: projected gradients of forces by weights, inner products as of the gradients themselves."""

from typing import Any

import numpy as np
import pytest
import torch

from al_core.models.engine.gradient_features import gradient_features
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
