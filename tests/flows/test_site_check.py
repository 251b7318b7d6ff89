"""`graft doctor --site`, and what `graft study status` says of workers."""

from pathlib import Path

import pytest
from rich.console import Console

from al_core.config.site import DaskSite, InlineSite, LocalSite
from flows.runtime.activity import Activity, Busy
from flows.site_check import Seen, check_site
from flows.status import print_workers


def test_this_machine_is_found_good(tmp_path: Path) -> None:
    checks = check_site(LocalSite(workers=1), tmp_path)
    assert [(check.name, check.ok) for check in checks] == [("site local", True), ("memory", True), ("folder", True)]
    assert "up to 1 cores at once" in checks[0].found
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_a_cluster_that_is_not_there_is_one_line_with_a_hint(tmp_path: Path) -> None:
    (check,) = check_site(DaskSite(address="tcp://127.0.0.1:1"), tmp_path)
    assert not check.ok
    assert check.found.startswith("no Dask scheduler answers at tcp://127.0.0.1:1")
    assert check.hint == "is it running?"


def _poor(_: Path) -> Seen:
    return Seen("node7", 32, 8.0, False)


def test_too_little_memory_and_a_folder_that_is_not_seen_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.site_check.look", _poor)
    memory, folder = check_site(InlineSite(), tmp_path)[1:]
    assert (memory.ok, memory.found) == (False, "8 GB for 32 cores")
    assert (folder.ok, folder.found) == (False, f"{tmp_path} is not there on node7")
    assert "a folder that all machines see" in folder.hint


def test_status_shows_what_workers_are_at_and_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    workers = (Busy("a", "node7", 32, "815", ("label", "label")), Busy("b", "node8", 32, "", ()))
    print_workers(Console(), [Activity(workers, ("816",), {"label": 12}, 0.0)])
    assert capsys.readouterr().out.splitlines() == [
        "node7 (job 815), 32 cores: 2 label",
        "node8, 32 cores: nothing",
        "jobs in the queue: 816",
        "waiting for a core: 12 label",
    ]
