"""Where structures lie as a model sees them: computed once, and found again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_core.models.bundle import save_bundle
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies import features
from al_core.studies.data import write_structures
from al_core.studies.features import MAP, MappedInputs, are_mapped, beyond, features_of, map_structures, read_features
from al_core.studies.workspace import Workspace


@pytest.fixture
def inputs(tmp_path: Path, source: Any, crystals: Any) -> MappedInputs:
    """Three calm crystals in one file, three wild ones in another."""
    files = (tmp_path / "calm.extxyz", tmp_path / "wild.extxyz")
    for number, (file, rattle) in enumerate(zip(files, (0.03, 0.35), strict=True)):
        write_structures(file, crystals("Ge", 3, seed=number, rattle=rattle))
    save_bundle(source[0], tmp_path / "bundle")
    return MappedInputs(tmp_path, files, tmp_path / "bundle", "Ge", "cpu")


class Computing:
    """Features that are the first coordinate; what was computed is written down."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, structures: list[Atoms]) -> np.ndarray:
        self.asked.append(len(structures))
        return np.array([[atoms.positions[0, 0]] for atoms in structures])


def test_only_what_is_not_known_is_computed(tmp_path: Path, crystals: Any) -> None:
    structures, compute, file = crystals("Ge", 4, seed=3), Computing(), tmp_path / "features.npz"
    wanted = [[atoms.positions[0, 0]] for atoms in structures]
    assert np.array_equal(features_of(file, "key", structures[:2], compute), wanted[:2])
    assert np.array_equal(features_of(file, "key", structures[::-1], compute), wanted[::-1])
    assert np.array_equal(features_of(file, "key", [structures[1]] * 2, compute), [wanted[1]] * 2)
    assert compute.asked == [2, 2]
    assert list(read_features(file)) == [
        structure_id(atoms) for atoms in (structures[0], structures[1], structures[3], structures[2])
    ]
    features_of(file, "other", structures[:1], compute)
    assert compute.asked == [2, 2, 1]
    assert len(read_features(file, "other")) == 1
    assert read_features(file, "key") == {}


def test_too_many_are_not_kept(tmp_path: Path, crystals: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_MOST", 2)
    structures, compute, file = crystals("Ge", 3, seed=3), Computing(), tmp_path / "features.npz"
    assert len(features_of(file, "key", structures, compute)) == 3
    assert not file.exists()


def test_half_a_file_is_none(tmp_path: Path, crystals: Any) -> None:
    compute, file = Computing(), tmp_path / "features.npz"
    assert read_features(file) == {}
    features_of(file, "key", crystals("Ge", 3, seed=3), compute)
    file.write_bytes(file.read_bytes()[:100])
    assert read_features(file) == {}


def test_like_structures_lie_together(inputs: MappedInputs) -> None:
    assert not are_mapped(inputs)
    map_structures(inputs)
    assert are_mapped(inputs)
    found = read_features(Workspace(inputs.out).features(MAP))
    calm, wild = (np.stack([found[structure_id(atoms)] for atoms in read_structures(file)]) for file in inputs.files)
    within = np.linalg.norm(calm - calm.mean(axis=0), axis=1).max()
    assert np.linalg.norm(wild - calm.mean(axis=0), axis=1).min() > 2 * within
    assert beyond(wild, calm).all()


def test_a_map_is_made_anew_for_another_model_or_more_structures(inputs: MappedInputs, source: Any) -> None:
    map_structures(replace(inputs, files=inputs.files[:1]))
    assert are_mapped(replace(inputs, files=inputs.files[:1], device="auto"))
    assert not are_mapped(inputs)
    map_structures(inputs)
    save_bundle(source[1], inputs.out / "other")
    assert not are_mapped(replace(inputs, bundle=inputs.out / "other"))


def test_beyond_is_farther_than_the_known_are_from_each_other() -> None:
    known = np.array([[0.0], [1.0], [3.0]])  # nearest neighbours 1, 1 and 2 away
    assert beyond(np.array([[-2.0], [-2.1], [2.0], [5.5]]), known).tolist() == [False, True, False, True]
