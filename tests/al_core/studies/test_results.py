"""Results as they are read back from a study's folder."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_core.errors import ConfigError
from al_core.labels.store import Attempt, LabelStore
from al_core.storage.files import write_json
from al_core.studies.grid import Chain, Place
from al_core.studies.ledger import grown, ledger, write_summary
from al_core.studies.results import METRICS, load_results
from al_core.studies.workspace import Workspace
from al_core.types import Label
from tests.helpers import study_config

RANDOM, OWN = Chain("random", 0, ""), Chain("uncertainty", 0, "scratch")
METRIC_VALUES = {metric: 10.0 + number for number, metric in enumerate(METRICS)} | {"n_structures": 3}


def _cell(place: Workspace, key: str, labels: list[str], core_seconds: float) -> None:
    write_json(
        place.cell(key),
        {
            "arm": {"kind": "scratch"},
            "seed": 0,
            "labels": labels,
            "rescaling": None,
            "metrics": {"all": METRIC_VALUES, "bulk": METRIC_VALUES},
            "members_force_mae_meV_per_A": [11.0, 12.0],
            "core_seconds": core_seconds,
        },
    )


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "out")
    _cell(place, "c1", ["La"], 5.0)
    _cell(place, "c2", ["La", "Lb"], 7.0)
    return place


@pytest.fixture
def keys(place: Workspace) -> list[str]:
    """Three finished labels of 10 core-seconds, and a failure of 4."""
    store = LabelStore(place.store)
    made = []
    for number in range(4):
        atoms = Atoms("Ge", [[0.0, 0.0, float(number)]], cell=[5, 5, 5], pbc=True)
        store.claim(f"L{number}", atoms, "fake")
        if number < 3:
            store.complete(f"L{number}", Label(-1.0, np.zeros((1, 3)), core_seconds=10.0))
            made.append(f"L{number}")
        else:
            store.fail(f"L{number}", Attempt(0, "did not converge", False, True, 4.0, ""))
    return made


def _write(place: Workspace, spent: dict[str, Any] | None = None, expected: int = 3, baselines: Any = None) -> None:
    grid = {
        (Place("shared", "scratch", RANDOM), 1): "c1",
        (Place("own", "scratch", RANDOM), 1): "c1",
        (Place("own", "scratch", OWN), 2): "c2",
    }
    config, provenance = study_config(name="results"), {"pool": {"hash": "abc"}}
    write_summary(place, config, grid, baselines or {}, expected, spent or {"labels_done": 3}, provenance)


def test_rows_are_read_back(place: Workspace) -> None:
    _write(place)
    results = load_results(place.out)
    assert results.name == "results"
    assert results.complete
    assert [(row.comparison, row.arm, row.acquisition, row.seed, row.budget, row.cell) for row in results.rows] == [
        ("shared", "scratch", "random", 0, 1, "c1"),
        ("own", "scratch", "random", 0, 1, "c1"),
        ("own", "scratch", "uncertainty", 0, 2, "c2"),
    ]
    row = results.rows[2]
    assert row.metrics["bulk"] == METRIC_VALUES
    assert (row.members, row.labels, row.core_seconds) == ((11.0, 12.0), ("La", "Lb"), 7.0)
    assert results.config["budgets"] == [1, 2]
    assert results.provenance["pool"] == {"hash": "abc"}
    assert results.provenance["versions"]["torch"] != "not installed"
    assert results.ledger == {"labels_done": 3}


def test_a_study_under_way_is_not_complete(place: Workspace) -> None:
    _write(place, expected=36)
    assert not load_results(place.out).complete


def test_a_folder_without_a_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no study here .*graft study run"):
        load_results(tmp_path)


def test_the_ledger_counts_what_was_spent(place: Workspace, keys: list[str]) -> None:
    spent = ledger(place, {1: keys[:1], 2: keys[:2]}, {1: ["c1"], 2: ["c2"]}, test_labels=1)
    assert spent["labels_done"] == 3
    assert spent["labels_failed"] == 1
    assert spent["label_core_seconds"] == pytest.approx(34.0)
    assert spent["failed_core_seconds"] == pytest.approx(4.0)
    assert spent["training_core_seconds"] == pytest.approx(12.0)
    assert spent["test_labels"] == 1
    assert [failure["cause"] for failure in spent["failures"]] == ["did not converge"]
    assert spent["per_budget"] == [
        {"budget": 1, "labels": 1, "label_core_seconds": 10.0, "training_core_seconds": 5.0},
        {"budget": 2, "labels": 2, "label_core_seconds": 20.0, "training_core_seconds": 12.0},
    ]
    json.dumps(spent, allow_nan=False)


def test_labels_that_several_chains_use_are_counted_once() -> None:
    histories = {RANDOM: ["a", "b", "c"], OWN: ["b", "d", "a"]}
    assert grown(histories, 1) == ["a", "b"]
    assert grown(histories, 2) == ["a", "b", "d"]
    assert grown(histories, 3) == ["a", "b", "c", "d"]


def test_a_transfer_carries_the_baseline_on_the_same_labels(place: Workspace) -> None:
    where = (Place("own", "scratch", OWN), 2)
    _write(place, baselines={where: "c1"})
    rows = {row.cell: row for row in load_results(place.out).rows if row.comparison == "own"}
    assert rows["c2"].baseline_cell == "c1"
    assert rows["c2"].baseline_metrics == rows["c1"].metrics
    assert not rows["c2"].negative_transfer(), "equal is not worse"
    assert rows["c1"].baseline_cell == ""
    assert not rows["c1"].negative_transfer(), "nothing to compare with"
    better = {"all": {metric: value - 1.0 for metric, value in METRIC_VALUES.items()}}
    assert replace(rows["c2"], baseline_metrics=better).negative_transfer()
