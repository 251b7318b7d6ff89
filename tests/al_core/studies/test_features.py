"""Where structures lie as a source model sees them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.models.bundle import save_bundle
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.data import write_structures
from al_core.studies.features import FeatureInputs, beyond, compute_features, has_features, read_features
from al_core.studies.workspace import Workspace


@pytest.fixture
def inputs(tmp_path: Path, source: Any, crystals: Any) -> FeatureInputs:
    workspace = Workspace(tmp_path)
    write_structures(workspace.pool, [*crystals("Ge", 3, seed=1, rattle=0.03), *crystals("Ge", 3, seed=2, rattle=0.35)])
    save_bundle(source[0], tmp_path / "bundle")
    return FeatureInputs(tmp_path, workspace.pool, tmp_path / "bundle", "Ge", "cpu")


def test_like_structures_lie_together(inputs: FeatureInputs) -> None:
    compute_features(inputs)
    names = [structure_id(atoms) for atoms in read_structures(inputs.file)]
    found = read_features(inputs.out, inputs.file)
    assert list(found) == names
    calm, wild = np.stack([found[name] for name in names[:3]]), np.stack([found[name] for name in names[3:]])
    within = np.linalg.norm(calm - calm.mean(axis=0), axis=1).max()
    assert np.linalg.norm(wild - calm.mean(axis=0), axis=1).min() > 2 * within
    assert beyond(wild, calm).all()


def test_they_are_computed_once_and_anew_for_other_inputs(inputs: FeatureInputs, crystals: Any, source: Any) -> None:
    file = Workspace(inputs.out).features(inputs.file)
    assert not has_features(inputs)
    compute_features(inputs)
    before = file.stat().st_mtime_ns
    compute_features(replace(inputs, device="auto"))
    assert file.stat().st_mtime_ns == before
    save_bundle(source[1], inputs.out / "other")
    assert not has_features(replace(inputs, bundle=inputs.out / "other"))
    write_structures(inputs.file, crystals("Ge", 2, seed=3))
    assert not has_features(inputs)
    compute_features(inputs)
    assert has_features(inputs)
    assert len(read_features(inputs.out, inputs.file)) == 2


def test_half_a_file_is_none(inputs: FeatureInputs) -> None:
    assert read_features(inputs.out, inputs.file) == {}
    compute_features(inputs)
    file = Workspace(inputs.out).features(inputs.file)
    file.write_bytes(file.read_bytes()[:100])
    assert read_features(inputs.out, inputs.file) == {}
    assert not has_features(inputs)


def test_beyond_is_farther_than_the_known_are_from_each_other() -> None:
    known = np.array([[0.0], [1.0], [3.0]])  # nearest neighbours 1, 1 and 2 away
    assert beyond(np.array([[-2.0], [-2.1], [2.0], [5.5]]), known).tolist() == [False, True, False, True]
