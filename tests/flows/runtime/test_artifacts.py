"""Prefect's keys of artifacts are of all runs together."""

import re
from pathlib import Path

from flows.runtime.artifacts import artifact_key


def test_studies_of_one_name_in_two_folders_have_keys_of_their_own() -> None:
    keys = {artifact_key("My study_1.2", Path(folder), "budget", "4") for folder in ("runs/a", "runs/b")}
    assert len(keys) == 2
    for key in keys:
        assert re.fullmatch(r"my-study-1-2-[0-9a-f]{6}-budget-4", key), "Prefect takes a-z, 0-9 and hyphens only"
