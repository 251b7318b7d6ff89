"""Errors of stress and pressure on the terminal, and nothing of them where there are none."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from al_core.evaluation.assessment import assess
from al_core.models.bundle import save_bundle
from al_core.models.rescaling import relabel
from al_core.storage.files import write_json
from al_core.structures.datasets import write_labelled
from al_core.types import Label
from flows.cli.evaluate import evaluate
from flows.status import print_status


@pytest.fixture
def committee(source: Any, tmp_path: Path) -> Path:
    for number, bundle in enumerate(source):
        save_bundle(relabel(bundle, "Ge"), tmp_path / "ge" / f"member-{number}")
    return tmp_path / "ge"


@pytest.fixture
def data(ge_labelled: Any, tmp_path: Path) -> Path:
    """A labelled file with a slice that has stresses and one that has none."""
    labelled = []
    for number, (atoms, label) in enumerate(ge_labelled):
        copy = atoms.copy()
        copy.info["config_type"] = "bare" if number > 2 else "stressed"
        labelled.append((copy, Label(label.energy, label.forces, None if number > 2 else label.stress)))
    write_labelled(tmp_path / "data.extxyz", labelled)
    return tmp_path / "data.extxyz"


def test_graft_eval_prints_stress_and_pressure(
    committee: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    expected = assess(committee, data, device="cpu")
    bias = expected["stressed"]["pressure_bias_GPa"]
    evaluate(committee, data, True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["pressure_bias_GPa"] == pytest.approx(bias), "the slice without stress is left out of the mean"
    assert "stress_mae_GPa" not in printed["slices"]["bare"]
    evaluate(committee, data)
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert lines["stressed"][-3:-1] == [f"{expected['stressed']['stress_mae_GPa']:.2f}", f"{bias:+.2f}"]
    assert lines["bare"][-3:-1] == ["–", "–"]
    monkeypatch.setenv("COLUMNS", "80")
    evaluate(committee, data)
    table = capsys.readouterr().out
    assert "…" not in table, "a heading is cut"
    assert " ".join(["stressed", *lines["stressed"]]) in re.sub(" +", " ", table), "nothing is folded"


def test_a_study_of_an_earlier_version_has_no_table_of_stress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"force_mae_meV_per_A": 71.25}
    for stress, tables in (({}, 1), ({"stress_mae_GPa": 0.316, "pressure_bias_GPa": -0.052}, 3)):
        cell = {"metrics": {"all": metrics | stress}, "members_force_mae_meV_per_A": [80.0], "labels": ["x"]}
        write_json(tmp_path / "cells" / "k.json", {**cell, "core_seconds": 1.0})
        where = {"comparison": "shared", "arm": "scratch", "acquisition": "random", "seed": 0, "budget": 4, "cell": "k"}
        index = {"name": "s", "config": {}, "provenance": {}, "grid": [where], "expected_rows": 2, "ledger": {}}
        write_json(tmp_path / "study.json", index)
        print_status(tmp_path)
        rows = [line.split() for line in capsys.readouterr().out.splitlines() if "scratch" in line]
        assert [row[-2] for row in rows] == ["71", "0.32", "-0.05"][:tables]
