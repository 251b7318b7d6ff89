"""Explorations of a committee: made once, found by their key, with the walkers of the round that they are of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.config.arms import TransferArm
from al_core.config.growth import Exploration, Purpose
from al_core.config.training import Training
from al_core.exploration.starts import crystal_of, starting_points
from al_core.models.bundle import save_bundle
from al_core.storage.hashing import structure_id
from al_core.studies import explorations
from al_core.studies.data import write_structures
from al_core.studies.explorations import explore_committee
from al_core.studies.keys import ExplorationInputs, ModelInputs
from al_core.studies.lookup import explored
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration

PURPOSE = Purpose(phases=("crystal",), temperatures_K=(300, 600), force_error_meV_per_A=100)
GERMANIUM = crystal_of("Ge", None)
SHORT = Exploration(walkers=4, picoseconds=0.04, every_fs=20, cells=(3,), window=(0.1, 50.0))


@pytest.fixture
def inputs(tmp_path: Path, source: Any) -> ExplorationInputs:
    """The last two walkers of four, by models that have no label yet."""
    for number, bundle in enumerate(source):
        save_bundle(bundle, tmp_path / "source" / f"member-{number}")
    folders = tuple(sorted((tmp_path / "source").glob("member-*")))
    model = ModelInputs(tmp_path / "out", TransferArm(), "Ge", 0, (), folders, "source", "", Training(steps=2), "cpu")
    return ExplorationInputs(model, PURPOSE, SHORT, Calibration(), 0, 1, (2, 3))


def test_frames_and_journeys_are_found_again(inputs: ExplorationInputs) -> None:
    assert explored(inputs) is None
    explore_committee(inputs)
    found = explored(inputs)
    assert found is not None
    assert [(one.phase, one.temperature_K) for one in found.journeys] == [("crystal", 300), ("crystal", 600)]
    assert {frame.walker for frame in found.frames} == {2, 3}, "the numbers in the round"
    assert {frame.atoms.info["config_type"] for frame in found.frames if frame.walker == 3} == {"crystal_600K"}
    assert all(frame.expected > 0 for frame in found.frames)


def test_walkers_start_where_those_of_the_round_do(inputs: ExplorationInputs) -> None:
    explore_committee(inputs)
    found = explored(inputs)
    assert found is not None
    begun = [frame.atoms for frame in found.frames if frame.time_ps == 0]
    for number, same in ((0, False), (1, True)):
        starts = starting_points(PURPOSE, SHORT, GERMANIUM, 0, number)[2:]
        for atoms, start in zip(begun, starts, strict=True):
            mine, theirs = (one.get_all_distances(mic=True) for one in (atoms, start.atoms))
            assert np.allclose(mine, theirs, atol=1e-5) is same, f"those of round {number}"


def test_an_exploration_is_made_once(inputs: ExplorationInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    explore_committee(inputs)
    with monkeypatch.context() as patched:
        patched.setattr(explorations, "explore", None)
        explore_committee(inputs)
        with pytest.raises(TypeError):
            explore_committee(replace(inputs, round=2))


def test_one_that_was_cut_off_is_made_again(inputs: ExplorationInputs) -> None:
    explore_committee(inputs)
    before = explored(inputs)
    workspace = Workspace(inputs.model.out)
    workspace.frames(inputs.key).unlink()
    assert explored(inputs) is None
    explore_committee(inputs)
    assert before is not None
    again = explored(inputs)
    assert again is not None
    assert again.journeys == before.journeys
    assert [structure_id(one.atoms) for one in again.frames] == [structure_id(one.atoms) for one in before.frames]
    workspace.exploration(inputs.key).write_text('{"journeys": [')
    assert explored(inputs) is None


def test_walkers_of_two_parts_go_different_ways(inputs: ExplorationInputs) -> None:
    """Each part has random numbers of its own, also where they start from the same structure."""
    (only,) = {start.atoms.get_chemical_formula() for start in starting_points(PURPOSE, SHORT, GERMANIUM, 0, 1)}
    assert only == "Ge6"
    start = starting_points(PURPOSE, SHORT, GERMANIUM, 0, 1)[0].atoms
    write_structures(Workspace(inputs.model.out).pool, [start])
    ends = []
    for walkers in ((0,), (2,)):  # of the same temperature
        part = replace(inputs, walkers=walkers, given="pool", purpose=Purpose(temperatures_K=(300,)))
        explore_committee(part)
        found = explored(part)
        assert found is not None
        assert {one.phase for one in found.journeys} == {"given"}
        ends.append([structure_id(frame.atoms) for frame in found.frames])
    assert ends[0][0] == ends[1][0]
    assert not set(ends[0][1:]) & set(ends[1][1:])
