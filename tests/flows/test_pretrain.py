"""A pretraining that goes on starts workers for the members that are missing, and for no others."""

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from al_core.config.sources import PretrainConfig
from al_core.storage.files import write_json
from flows.runtime.progress import Counters

MODULE = import_module("flows.pretrain")  # by its name, for flows.pretrain is the flow


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The members that each task was to train; two cores, nothing is trained."""
    groups: list[list[int]] = []

    def submit(_config: PretrainConfig, _data: Path, _folder: Path, group: list[int]) -> SimpleNamespace:
        groups.append(group)
        return SimpleNamespace(result=lambda: None)

    tasks = SimpleNamespace(pretrain_members=SimpleNamespace(submit=submit))
    monkeypatch.setattr(MODULE, "tasks", tasks)
    monkeypatch.setattr(MODULE, "current_runner", lambda: SimpleNamespace(cores=2))
    return groups


@pytest.mark.parametrize(
    ("trained", "diverged", "expected"),
    [([], [], [[0, 2], [1, 3]]), ([0], [2], [[1], [3]]), ([0, 1], [3], [[2]]), ([0, 1, 3], [2], [])],
)
def test_a_diverged_member_starts_no_worker(
    tmp_path: Path, started: list[list[int]], trained: list[int], diverged: list[int], expected: list[list[int]]
) -> None:
    structures = {"kind": "file", "path": "si.xyz"}
    config = PretrainConfig.model_validate({"element": "Si", "structures": structures, "committee": 4})
    for number in trained:
        (tmp_path / f"member-{number}").mkdir()
        write_json(tmp_path / f"member-{number}" / "model.json", {})
    for number in diverged:
        write_json(tmp_path / f"diverged-{number}.json", {"cause": "loss not finite"})
    with Counters() as counters:
        MODULE._train_members(config, tmp_path / "si.xyz", tmp_path, counters)
    assert started == expected


def test_what_was_trained_together_goes_on_together(tmp_path: Path, started: list[list[int]]) -> None:
    """One of two groups was finished when the process was killed: the other left a state."""
    structures = {"kind": "file", "path": "si.xyz"}
    config = PretrainConfig.model_validate({"element": "Si", "structures": structures, "committee": 9})
    for number in (0, 2, 4, 6):
        (tmp_path / f"member-{number}").mkdir()
        write_json(tmp_path / f"member-{number}" / "model.json", {})
    for left in ("1-3-5-7-0-0", "1-3-5-7-0-1", "0-8-0-0"):  # the last one's members are no longer all missing
        (tmp_path / f"unfinished-{left}.pt").touch()
    with Counters() as counters:
        MODULE._train_members(config, tmp_path / "si.xyz", tmp_path, counters)
    assert started == [[1, 3, 5, 7], [8]]
