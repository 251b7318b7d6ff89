"""What a study expects of its arms is written once, and again where what shapes it changes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_core.models.bundle import save_bundle
from al_core.studies.data import write_structures
from al_core.studies.expectations import (
    TransferabilityInputs,
    is_estimated,
    transferability_sentences,
    write_transferability,
)
from al_core.studies.workspace import Workspace


@pytest.fixture
def inputs(tmp_path: Path, source: Any, crystals: Any) -> TransferabilityInputs:
    write_structures(Workspace(tmp_path).pool, crystals("Ge", 4, seed=1, rattle=0.1))
    folders = [tmp_path / f"member-{number}" for number in range(2)]
    for bundle, folder in zip(source, folders, strict=False):
        save_bundle(bundle, folder)
    arms = {"transfer": ("transfer", folders), "mine": ("rescaled", folders), "alone": ("transfer", folders[:1])}
    return TransferabilityInputs(tmp_path, arms, "Ge", "pool", "cpu")


def test_each_arm_has_a_sentence_where_something_is_expected_of_it(
    inputs: TransferabilityInputs, tmp_path: Path
) -> None:
    assert not is_estimated(inputs)
    assert transferability_sentences(tmp_path) == []
    write_transferability(inputs)
    assert is_estimated(inputs)
    first, second = transferability_sentences(tmp_path)
    assert first.startswith("transfer ")
    assert second.startswith("mine ")
    assert all("of the forces they know" in one and " scratch's force error (" in one for one in (first, second))


def test_it_is_written_again_where_its_inputs_change(inputs: TransferabilityInputs, tmp_path: Path) -> None:
    write_transferability(inputs)
    file = Workspace(tmp_path).transferability
    before = file.stat().st_mtime_ns
    write_transferability(inputs)
    assert file.stat().st_mtime_ns == before
    for other in (
        replace(inputs, pool_hash="another"),
        replace(inputs, target="Si"),
        replace(inputs, arms={"transfer": inputs.arms["transfer"]}),
    ):
        assert not is_estimated(other)
    assert is_estimated(replace(inputs, device="cuda"))
