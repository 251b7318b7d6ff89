"""Keys: what was selected before is found again, and what selects differently has another key."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_core.config.acquisition import (
    AnyAcquisition,
    RandomAcquisition,
    UncertaintyAcquisition,
    VarianceReductionAcquisition,
)
from al_core.config.arms import RescaledArm
from al_core.config.growth import Exploration, Purpose
from al_core.config.structures import CrystalCell
from al_core.config.training import SelectedTuning, Training
from al_core.studies.keys import CalibrationInputs, ExplorationInputs, ModelInputs, SelectionInputs
from al_core.uncertainty.calibration import Calibration


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


# ---- of a growth ----------------------------------------------------------------------------------------------------


def _selection(**changes: Any) -> SelectionInputs:
    inputs = SelectionInputs(Path("out"), VarianceReductionAcquisition(), 3, ("a", "b", "c"), 2, MODEL)
    return replace(inputs, **changes)


MODEL = ModelInputs(Path("out"), RescaledArm(), "Ge", 0, ("L1", "L2", "L3"), (), "source", "pool", Training(), "cpu")
CALIBRATION = CalibrationInputs(MODEL, ("L1", "L3"))
EXPLORATION = ExplorationInputs(MODEL, Purpose(), Exploration(), Calibration(), 0, 1, (0, 1))


@pytest.mark.parametrize(
    "changes",
    [{"costs": (1.0, 2.0, 3.0)}, {"target": ("a", "d")}, {"target": ("d", "a")}, {"candidates": ("a", "b", "d")}],
    ids=str,
)
def test_what_selects_differently_has_another_key(changes: dict[str, Any]) -> None:
    assert _selection(**changes).key != _selection().key


def test_costs_are_not_taken_for_a_target() -> None:
    assert len({_selection(**one).key for one in ({"costs": (1.0,)}, {"target": ("1.0",)}, {})}) == 3


def test_the_file_and_the_folder_are_in_no_key() -> None:
    assert _selection(file=Path("frames.extxyz")).key == _selection().key
    assert _selection(out=Path("elsewhere")).key == _selection().key
    longer = Purpose(picoseconds=99, timestep_fs=4, supercell=2)  # the dynamics at the end, not the walkers'
    assert replace(EXPLORATION, purpose=longer).key == EXPLORATION.key
    elsewhere = replace(MODEL, out=Path("elsewhere"), device="cuda")
    assert replace(CALIBRATION, model=elsewhere).key == CALIBRATION.key
    assert replace(EXPLORATION, model=elsewhere).key == EXPLORATION.key


@pytest.mark.parametrize(
    "changes",
    [
        {"model": replace(MODEL, labels=("L1", "L2"))},
        {"drawn": ("L1",)},
        {"drawn": ("L3", "L1")},  # other parts
    ],
    ids=str,
)
def test_what_calibrates_differently_has_another_key(changes: dict[str, Any]) -> None:
    assert replace(CALIBRATION, **changes).key != CALIBRATION.key


@pytest.mark.parametrize(
    "changes",
    [
        {"model": replace(MODEL, seed=1)},
        {"purpose": Purpose(temperatures_K=(300,))},
        {"purpose": Purpose(force_error_meV_per_A=41)},
        {"exploration": Exploration(bias=0.1)},
        {"exploration": Exploration(walkers=13)},
        {"calibration": Calibration(1.1)},
        {"calibration": Calibration(structures=1)},
        {"seed": 1},
        {"round": 2},
        {"walkers": (0, 2)},
        {"given": "pool"},
        {"crystal": CrystalCell(prototype="bcc", a=2.9)},
    ],
    ids=str,
)
def test_what_explores_differently_has_another_key(changes: dict[str, Any]) -> None:
    assert replace(EXPLORATION, **changes).key != EXPLORATION.key


def test_how_many_frames_an_acquisition_sees_shapes_no_exploration() -> None:
    assert replace(EXPLORATION, exploration=Exploration(candidates=7)).key == EXPLORATION.key


def test_the_order_of_labels_does_not_shape_a_model() -> None:
    other = replace(MODEL, labels=("L3", "L1", "L2"))
    assert replace(CALIBRATION, model=other).key == CALIBRATION.key


@pytest.mark.parametrize(("drawn", "parts"), [(0, []), (1, [1]), (3, [1, 1, 1]), (4, [1] * 4), (7, [2, 2, 2, 1])])
def test_each_drawn_label_is_lacked_by_one_of_up_to_four_committees(drawn: int, parts: list[int]) -> None:
    labels = tuple(f"L{number}" for number in range(9))
    folds = CalibrationInputs(replace(MODEL, labels=labels), labels[1 : 1 + drawn]).folds
    assert [len(part) for _, part in folds] == parts
    assert sorted(key for _, part in folds for key in part) == sorted(labels[1 : 1 + drawn])
    for model, part in folds:
        assert set(model.labels) == set(labels) - set(part)
        alike = replace(model, labels=labels, arm=MODEL.arm)
        assert alike == replace(MODEL, labels=labels), "all else but the descent is the same"


@pytest.mark.parametrize(("number", "batches"), [(15, False), (16, True)])
def test_committees_that_lack_labels_descend_as_the_one_that_has_all(number: int, batches: bool) -> None:
    arm, labels = RescaledArm(), tuple(f"L{number}" for number in range(number))
    assert arm.tuning.in_batches(number) is batches
    chosen = SelectedTuning(candidates=(arm.tuning,)).as_of(number).candidates[0]
    assert chosen.in_batches(12) is batches
    folds = CalibrationInputs(replace(MODEL, arm=arm, labels=labels), labels[:8]).folds
    assert [model.arm.tuning.in_batches(len(model.labels)) for model, _ in folds] == [batches] * 4
