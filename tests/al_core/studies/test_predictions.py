"""Predictions of a study's cells, read back with their labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.evaluation.errors import mean_predictions
from al_core.models.prediction import Predictions
from al_core.storage.files import write_arrays
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.predictions import Predicted, PredictionReader, by_slice, spread_correlation
from al_core.studies.results import Row
from al_core.studies.workspace import Workspace


@pytest.fixture
def study(tmp_path: Path, ge_labelled: Any) -> Path:
    """A study's folder with a test set of five, and the predictions e0, e1, ... that are off by 0.1, 0.2, ... eV/Å."""
    write_labelled(Workspace(tmp_path).test, ge_labelled)
    structures = read_structures(Workspace(tmp_path).test)
    for number in range(4):
        off = 0.1 * (number + 1)
        predictions = Predictions(
            np.array([[label.energy - 0.8, label.energy + 0.8 * off] for _, label in ge_labelled]),
            [np.array([label.forces, label.forces + 2 * off]) for _, label in ge_labelled],
            np.full((5, 2, 6), np.nan),
        )
        write_arrays(Workspace(tmp_path).evaluation_arrays(f"e{number}"), mean_predictions(predictions, structures))
    return tmp_path


def test_labelled_and_predicted_values_belong_together(study: Path, ge_labelled: Any) -> None:
    found = PredictionReader(study).of("e1")
    assert [one.slice for one in found] == [atoms.info["config_type"] for atoms, _ in ge_labelled]
    for one, (_, label) in zip(found, ge_labelled, strict=True):
        assert one.label_energy == pytest.approx(label.energy / 8)
        assert one.energy - one.label_energy == pytest.approx((-0.8 + 0.8 * 0.2) / 2 / 8)
        np.testing.assert_allclose(one.forces - label.forces, 0.2, atol=1e-5)
        np.testing.assert_allclose(one.deviations, 0.2 * 3**0.5, atol=1e-5)
        assert one.force_mae == pytest.approx(0.2, abs=1e-5)
    slices = by_slice(found)
    assert {name: len(members) for name, members in slices.items()} == {"group0": 3, "group1": 2}


def test_what_is_not_there_or_of_another_test_set_is_nothing(study: Path, ge_labelled: Any) -> None:
    assert PredictionReader(study).of("e9") == PredictionReader(study).of("") == ()
    Workspace(study).evaluation_arrays("e0").write_bytes(b"PK")
    assert PredictionReader(study).of("e0") == ()
    write_labelled(Workspace(study).test, ge_labelled[1:])
    assert PredictionReader(study).of("e1") == ()
    Workspace(study).test.unlink()
    assert PredictionReader(study).of("e1") == ()


def test_the_cells_of_the_largest_budget(study: Path) -> None:
    def row(arm: str, seed: int, budget: int, evaluation: str, acquisition: str = "random") -> Row:
        return Row("shared", arm, acquisition, seed, budget, "m", {}, (), (), 1.0, evaluation=evaluation)

    rows = [
        row("scratch", 0, 2, "e0"),
        row("scratch", 0, 4, "e1"),
        row("transfer", 0, 4, "e2"),
        row("transfer", 1, 4, "e3"),
        row("rescaled", 0, 4, "an earlier version's"),
        row("scratch", 0, 8, "e0", "uncertainty"),
    ]
    cells = PredictionReader(study).at_largest_budget(rows, "shared", "random")
    assert [(cell.arm, cell.seed, cell.budget) for cell in cells] == [
        ("scratch", 0, 4),
        ("transfer", 0, 4),
        ("transfer", 1, 4),
    ]
    assert [cell.structures[0].force_mae for cell in cells] == pytest.approx([0.2, 0.3, 0.4], abs=1e-5)
    assert PredictionReader(study).at_largest_budget(rows, "own", "random") == ()


def test_the_rank_correlation_of_spread_and_error(study: Path) -> None:
    structures = list(PredictionReader(study).of("e0"))
    scales = (3.0, 1.0, 4.0, 2.0, 5.0)

    def with_errors(errors: tuple[float, ...]) -> list[Predicted]:
        return [
            replace(one, deviations=np.full(8, scale), forces=one.label_forces + error)
            for one, scale, error in zip(structures, scales, errors, strict=True)
        ]

    assert spread_correlation(with_errors((9.0, 1.0, 16.0, 4.0, 25.0))) == pytest.approx(1), "of ranks: squares do"
    assert spread_correlation(with_errors((3.0, 5.0, 2.0, 4.0, 1.0))) == pytest.approx(-1)
    alike = [replace(one, forces=one.label_forces, deviations=np.ones(8)) for one in structures]
    assert spread_correlation(alike) is None
    assert spread_correlation([]) is None
    assert with_errors((2.0,) * 5)[0].force_error == pytest.approx(2 * 3**0.5)
