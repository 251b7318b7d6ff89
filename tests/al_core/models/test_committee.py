"""Committees: folders of bundles, and the source models of a seed."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_core.errors import BundleError
from al_core.models.bundle import save_bundle
from al_core.models.committee import (
    CALIBRATION,
    bundle_folders,
    committee_folders,
    content_hash,
    read_calibration,
    seed_members,
)
from al_core.storage.files import write_json
from al_core.uncertainty.calibration import Calibration


def test_members_are_in_the_order_of_their_numbers(source: Any, tmp_path: Path) -> None:
    for number in (10, 2, 0):
        save_bundle(source[0], tmp_path / f"member-{number}")
    assert [path.name for path in committee_folders(tmp_path)] == ["member-0", "member-2", "member-10"]


def test_a_folder_without_members_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no committee"):
        committee_folders(tmp_path)


def test_the_content_of_a_committee_is_what_it_computes(source: Any, tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    save_bundle(source[0], first)
    save_bundle(replace(source[1], avg_num_neighbors=source[1].avg_num_neighbors + 1), second)
    shutil.copytree(first, tmp_path / "copy")
    assert content_hash([first]) == content_hash([tmp_path / "copy"])
    assert len({content_hash(folders) for folders in ([first], [second], [first, second], [second, first])}) == 4


def test_a_seed_draws_its_own_source_models_and_the_same_again() -> None:
    folders = [Path(f"member-{number}") for number in range(8)]
    drawn = [seed_members(folders, 4, seed) for seed in range(5)]
    assert all(len(set(members)) == 4 and set(members) <= set(folders) for members in drawn)
    assert len(set(drawn)) == 5
    assert drawn[3] == seed_members(folders, 4, 3)
    assert seed_members(folders, 8, 1) == tuple(folders)


def test_a_bundle_and_a_committee_are_told_apart(source: Any, tmp_path: Path) -> None:
    for number in (1, 0):
        save_bundle(source[number], tmp_path / "many" / f"member-{number}")
    assert bundle_folders(tmp_path / "many") == [tmp_path / "many" / "member-0", tmp_path / "many" / "member-1"]
    assert bundle_folders(tmp_path / "many" / "member-1") == [tmp_path / "many" / "member-1"]
    with pytest.raises(BundleError, match="no such folder"):
        bundle_folders(tmp_path / "none")
    (tmp_path / "Ge.model").write_bytes(b"pickled")
    with pytest.raises(BundleError, match=r"Ge\.model: is a file; .* of mace what `graft convert --trust`"):
        bundle_folders(tmp_path / "Ge.model")
    with pytest.raises(BundleError, match=r"is a file; .*`graft convert --trust`"):
        committee_folders(tmp_path / "Ge.model")


def test_a_calibration_is_read_from_its_folder(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    found = Calibration(2.5, 4, ((0.68, 1.0), (0.9, 2.1)), 0.04)
    write_json(tmp_path / CALIBRATION, found.as_dict())
    assert read_calibration(tmp_path) == found


@pytest.mark.parametrize(
    "content",
    ["", "{", "[1]", "{}", '{"scale": 1, "structures": 0, "widths": 3, "force_mae": null}', "3"],
)
def test_a_corrupt_calibration_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / CALIBRATION).write_text(content)
    with pytest.raises(BundleError, match=r"calibration\.json: corrupt"):
        read_calibration(tmp_path)


@pytest.mark.parametrize(("key", "value"), [("scale", "two"), ("scale", None), ("structures", "four")])
def test_a_calibration_with_a_value_of_another_type_is_told(tmp_path: Path, key: str, value: Any) -> None:
    write_json(tmp_path / CALIBRATION, {**Calibration().as_dict(), key: value})
    with pytest.raises(BundleError, match=r"calibration\.json: corrupt"):
        read_calibration(tmp_path)
