"""Committees: folders of bundles, and the source models of a seed."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_core.errors import BundleError
from al_core.models.bundle import save_bundle
from al_core.models.committee import committee_folders, content_hash, seed_members


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
