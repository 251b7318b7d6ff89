"""Keys: what was selected before is found again, and what selects differently has another key."""

from pathlib import Path

import pytest

from al_core.config.acquisition import (
    AnyAcquisition,
    RandomAcquisition,
    UncertaintyAcquisition,
    VarianceReductionAcquisition,
)
from al_core.studies.keys import SelectionInputs


def _key(acquisition: AnyAcquisition) -> str:
    return SelectionInputs(Path("out"), acquisition, 3, ("a", "b", "c"), 2, None).key


@pytest.mark.parametrize(
    ("acquisition", "key"),
    [
        (RandomAcquisition(name="any"), "1b63d738f6f4126a"),
        (UncertaintyAcquisition(), "636f5ff905d96a27"),
        (VarianceReductionAcquisition(), "cbcbcb7e8629b81c"),
        (VarianceReductionAcquisition(per_cost=True), "641c250f0aaf63c1"),
    ],
    ids=repr,
)
def test_selections_of_studies_before_slices_are_found(acquisition: AnyAcquisition, key: str) -> None:
    """The keys on the right are on the disks of users."""
    assert _key(acquisition) == key
    assert _key(acquisition.model_copy(update={"slices": ("cold",)})) != key


def test_other_slices_have_another_key() -> None:
    keys = {_key(RandomAcquisition(slices=slices)) for slices in ((), ("cold",), ("hot",), ("cold", "hot"))}
    assert len(keys) == 4
