"""The shipped data sets are made by the program that ships with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from al_core.labels.store import LabelStore
from al_core.storage.hashing import file_sha256, structure_id
from al_core.structures.datasets import LabelKeys, labelled_structures, read_structures
from al_core.studies.workspace import Workspace
from flows.make_assets import DataSetConfig, make_data_set


def _config(name: str, slice_: str, **settings: Any) -> DataSetConfig:
    structures = {"kind": "md", "slices": [{"name": slice_, "count": 2, "temperature_K": 300, "steps": 5}]}
    fixed = {"element": "Si", "purpose": "test", "role": "source", "labeler": {"kind": "stillinger_weber"}}
    return DataSetConfig.model_validate({"name": name, "structures": structures, **fixed, **settings})


@pytest.mark.slow
@pytest.mark.prefect
def test_a_data_set_that_extends_another_has_both_and_says_so(tmp_path: Path) -> None:
    work, data = tmp_path / "work", tmp_path / "data"
    make_data_set(_config("first", "cold"), work, data)
    make_data_set(_config("second", "cool", extends="first"), work, data)
    first, second = (labelled_structures(data / f"{name}.extxyz", LabelKeys()) for name in ("first", "second"))
    own = [structure_id(atoms) for atoms in read_structures(work / "second.extxyz")]
    assert [structure_id(atoms) for atoms, _ in second] == [structure_id(atoms) for atoms, _ in first] + own
    assert [label.energy for _, label in second[:2]] == [label.energy for _, label in first]
    sheets = [json.loads((data / f"{name}.json").read_text()) for name in ("first", "second")]
    assert "extends" not in sheets[0]
    assert sheets[1]["slices"] == {"cold": 2, "cool": 2}
    assert sheets[1]["extends"]["sha256"] == file_sha256(data / "first.extxyz") == sheets[0]["sha256"]
    paid = {entry.structure: entry.core_seconds for entry in LabelStore(Workspace(work).store).entries()}
    for sheet, rows in zip(sheets, (first, second), strict=True):
        assert sheet["core_seconds"] == pytest.approx(sum(paid[structure_id(atoms)] for atoms, _ in rows), abs=1e-3)
