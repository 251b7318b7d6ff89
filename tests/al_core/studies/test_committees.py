"""Committees are saved whole, once, whoever trains them."""

import os
from pathlib import Path
from typing import Any

import pytest

from al_core.config.training import Architecture
from al_core.models.engine.untrained import seeded_bundle
from al_core.studies.committees import _save
from al_core.studies.workspace import Workspace

RECORD = {"labels": [], "members": [0], "core_seconds": 1.0, "failure": ""}


@pytest.fixture(scope="module")
def members() -> dict[int, Any]:
    return {0: seeded_bundle(Architecture(channels=2, layers=1), ("Ge",), 10.0, 0)}


def test_the_first_of_two_that_train_the_same_stays(members: dict[int, Any], tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    _save(members, RECORD, workspace, "M1")
    first = (workspace.models("M1") / "training.json").stat().st_ino
    _save(members, {**RECORD, "core_seconds": 2.0}, workspace, "M1")
    assert (workspace.models("M1") / "training.json").stat().st_ino == first
    (workspace.models("M1") / "member-0" / "model.json").unlink()  # half of it is gone
    _save(members, RECORD, workspace, "M1")
    assert (workspace.models("M1") / "member-0" / "model.json").is_file()
    assert [path.name for path in workspace.models("M1").parent.iterdir()] == ["M1"]


def test_what_a_killed_run_left_is_removed_and_what_another_writes_is_not(
    members: dict[int, Any], tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    old, young = (workspace.models("M1").parent / f".tmp-M1-{name}" for name in ("old", "young"))
    old.mkdir(parents=True)
    young.mkdir()
    os.utime(old, (0, 0))
    _save(members, RECORD, workspace, "M1")
    assert (old.exists(), young.exists()) == (False, True)


def test_a_committee_that_cannot_be_put_in_place_is_an_error(
    members: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, replace = Workspace(tmp_path), os.replace

    def fails(source: Path, target: Path) -> None:
        if target == workspace.models("M1"):
            raise PermissionError("no")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(PermissionError):
        _save(members, RECORD, workspace, "M1")
