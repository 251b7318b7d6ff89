"""What workers are at, as ``graft study status`` shows it."""

import time
from dataclasses import asdict
from pathlib import Path

import pytest

from al_core.storage.files import write_json
from flows.runtime.activity import Activity, Busy, _function, read_activity


@pytest.mark.parametrize(("age_s", "shown"), [(5, True), (3600, False)])
def test_what_a_killed_run_left_is_not_shown(tmp_path: Path, age_s: float, shown: bool) -> None:
    written = Activity((Busy("w", "here", 2, "17", ("label",)),), ("18",), {"train": 3}, time.time() - age_s)
    write_json(tmp_path / "dft.json", asdict(written))
    assert read_activity(tmp_path) == [written] * shown


@pytest.mark.parametrize("key", ["label-1f0", ("random-sample-8a", 0, 1)])
def test_tasks_of_others_do_not_matter(key: object) -> None:
    assert isinstance(_function(key), str)
