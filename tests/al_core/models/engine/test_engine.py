"""A GPU computes and trains what the processor does."""

from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from al_core.config.training import AnchoredTuning, PlainTuning, Training
from al_core.models.bundle import load_bundle
from al_core.models.committee import committee_folders
from al_core.models.engine.gradient_features import gradient_features
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.models.sources.shipped import shipped_committee
from al_core.models.training.train import train
from al_core.types import Label

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module", params=["si-pbe", "si-pbe-2"])
def committee(request: Any) -> Any:
    """Two models of max L 0, two of max L 1."""
    return [load_bundle(folder) for folder in committee_folders(shipped_committee(request.param))[:2]]


@pytest.fixture(scope="module")
def structures() -> Any:
    found = []
    for number, repeat in enumerate((1, 1, 2)):
        atoms = bulk("Si", cubic=True) * (repeat, 1, 1)
        atoms.rattle(0.1, seed=number)
        found.append(atoms)
    return found


def _labelled(committee: Any, structures: Any) -> Any:
    """Labels a tenth off what the models say."""
    predicted = predict(committee, structures, CPU, torch.float64)
    return [
        (atoms, Label(0.9 * float(energies[0]), 1.1 * forces[0], stresses[0]))
        for atoms, energies, forces, stresses in zip(
            structures, predicted.energies, predicted.forces, predicted.stresses, strict=True
        )
    ]


def test_auto_is_the_gpu_where_there_is_one() -> None:
    assert pick_device("auto") == CUDA
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_predictions_are_those_of_the_processor(committee: Any, structures: Any, dtype: Any, apart: float) -> None:
    expected, found = (predict(committee, structures, device, dtype) for device in (CPU, CUDA))
    np.testing.assert_allclose(found.energies, expected.energies, rtol=apart)
    for one, other in zip(found.forces, expected.forces, strict=True):
        np.testing.assert_allclose(one, other, atol=apart * np.abs(other).max())
    np.testing.assert_allclose(found.stresses, expected.stresses, atol=apart * np.abs(expected.stresses).max())


@pytest.mark.parametrize("tuning", [PlainTuning(), AnchoredTuning()], ids=["plain", "anchored"])
def test_training_leads_to_what_the_processor_leads_to(committee: Any, structures: Any, tuning: Any) -> None:
    """As far as it is determined: axes that no gradient has yet told apart are any, and SOAP's steps depend on them."""
    data = _labelled(committee, structures)
    settings, trained = Training(steps=8, batch_size=2, dtype="float64"), {}
    for device in (CPU, CUDA):
        models = train(committee, data, settings, 0.003, 0, device, tuning=tuning, unlabelled=structures)
        trained[device] = predict([one for one in models if one], structures, CPU, torch.float64).forces
    before = predict(committee, structures, CPU, torch.float64).forces
    moved = np.abs(np.concatenate(trained[CPU], axis=1) - np.concatenate(before, axis=1)).max()
    assert np.abs(np.concatenate(trained[CUDA], axis=1) - np.concatenate(trained[CPU], axis=1)).max() < 0.03 * moved


def test_gradient_features_are_those_of_the_processor(committee: Any, structures: Any) -> None:
    expected, found = (gradient_features(committee[0], structures, device) for device in (CPU, CUDA))
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(np.asarray(expected)).max())
