"""Descriptors of structures: what the last layer knows of their atoms, as mace has it."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.models.bundle import load_bundle
from al_core.models.committee import committee_folders
from al_core.models.engine.descriptors import descriptors
from al_core.models.engine.mace import export
from al_core.models.sources.shipped import shipped_committee


@pytest.mark.slow
@pytest.mark.usefixtures("default_dtype")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", ["si-pbe", "si-pbe-2"])
def test_they_are_those_of_mace(name: str, crystals: Any, cpu: Any, tmp_path: Path) -> None:
    bundle = load_bundle(committee_folders(shipped_committee(name))[0])
    export(bundle, tmp_path / "si.model")
    structures = crystals("Si", 3, seed=4, rattle=0.15)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mace.calculators import MACECalculator

        stock = MACECalculator(model_paths=str(tmp_path / "si.model"), device="cpu", default_dtype="float64")
        every = [stock.get_descriptors(atoms, invariants_only=True) for atoms in structures]
    last = [atoms[:, -bundle.architecture.channels :] for atoms in every]
    wanted = np.stack([np.concatenate([atoms.mean(axis=0), atoms.std(axis=0)]) for atoms in last])
    np.testing.assert_allclose(descriptors(bundle, structures, cpu), wanted, rtol=1e-3, atol=1e-4)


def test_a_supercell_has_those_of_its_cell(source: Any, crystals: Any, cpu: Any) -> None:
    (atoms,) = crystals("Si", 1, seed=4)
    one, twice = descriptors(source[0], [atoms, atoms * (2, 1, 1)], cpu)
    np.testing.assert_allclose(twice, one, rtol=1e-4, atol=1e-5)
