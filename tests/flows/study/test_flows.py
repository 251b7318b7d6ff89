"""Labelling, pretraining, and studies in which transfer helps or harms."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.io import read, write

from al_core.labels.store import LabelStore
from al_core.storage.files import read_json
from al_core.structures.datasets import LabelKeys, labelled_structures
from al_core.studies.results import load_results
from tests.flows.study.smoke import GRAFT, ROOT, Shell, rows_at

pytestmark = [pytest.mark.train]


def test_graft_label(shell: Shell, crystals: Any, sw_label: Any) -> None:
    frames = crystals("Ge", 2, seed=4) + crystals("Si", 1, seed=4)
    frames.append(frames[0].copy())  # the same structure twice is one label
    write(shell.folder / "in.extxyz", frames)
    command = ("label", "in.extxyz", "--labeler", "stillinger_weber", "--out", "labels")
    assert "labels/labelled.extxyz" in shell.graft(*command)
    labelled = labelled_structures(shell.folder / "labels" / "labelled.extxyz", LabelKeys())
    assert len(labelled) == 4
    for (atoms, label), frame in zip(labelled, frames, strict=True):
        expected = sw_label(read_back(frame, shell.folder))
        assert atoms.get_chemical_symbols() == frame.get_chemical_symbols()
        assert label.energy == pytest.approx(expected.energy, abs=1e-6)
        np.testing.assert_allclose(label.forces, expected.forces, atol=1e-6)
        assert label.stress is not None
        np.testing.assert_allclose(label.stress, expected.stress, atol=1e-6)
    store = shell.folder / "labels" / "labels.db"
    before = store.stat().st_mtime_ns
    shell.graft(*command)
    assert store.stat().st_mtime_ns == before
    assert [entry.attempts for entry in LabelStore(store).entries()] == [1, 1, 1]


def test_graft_label_on_a_server(shell: Shell, crystals: Any, postgres: str) -> None:
    """Two folders share the labels of one server, and its workers are processes that read where it is."""
    write(shell.folder / "ge.extxyz", crystals("Ge", 3))
    command = ["label", "ge.extxyz", "--labeler", "stillinger_weber", "--store", postgres]
    for folder in ("here", "there"):
        shell.graft(*command, "--out", folder)
        assert len(read(shell.folder / folder / "labelled.extxyz", ":")) == 3
        assert not (shell.folder / folder / "labels.db").exists()
        assert "labels in the store: 3 done, 0 running, 0 failed" in shell.graft("study", "status", folder)
    assert [(entry.state, entry.attempts) for entry in LabelStore(postgres).entries()] == [("done", 1)] * 3


def read_back(atoms: Any, folder: Path) -> Any:
    """Return a structure with the digits an extxyz file keeps."""
    write(folder / "one.extxyz", atoms)
    frame = read(folder / "one.extxyz")
    frame.positions = frame.positions.round(6)
    frame.cell = frame.cell.array.round(6)
    return frame


@pytest.mark.parametrize(("pair", "harms"), [("dissimilar_pair", True), ("similar_pair", False)])
def test_the_flag_comes_on_where_transfer_harms_and_only_there(shell: Shell, pair: str, harms: bool) -> None:
    cut = ("seeds=[0]", "budgets=[1,2]", "arms=[scratch,transfer]", "source.training.steps=150", "training.steps=40")
    shell.graft("study", "run", ROOT / "configs" / f"{pair}.yaml", "--out", "out", *(f"--set={part}" for part in cut))
    results = load_results(shell.folder / "out")
    assert results.complete
    transfers = [row for row in results.rows if row.arm == "transfer"]
    assert [row.negative_transfer() for row in transfers] == [harms] * 2
    for row in transfers:
        (baseline,) = rows_at(results, arm="scratch", budget=row.budget)
        assert row.baseline_metrics == baseline.metrics
        assert row.labels == baseline.labels
    report = (shell.folder / "out" / "report.html").read_text()
    if harms:
        assert "Negative transfer in 2 of the 2 combinations of arm, acquisition and budget" in report
        assert "(2 of them worse in every seed)" in report
        assert "No negative transfer" not in report
    else:
        assert "No negative transfer: in none of the 2 combinations of arm, acquisition and budget" in report


def test_graft_pretrain(shell: Shell) -> None:
    (shell.folder / "si.yaml").write_text(
        yaml.safe_dump(
            {
                "kind": "pretrain",
                "name": "tiny",
                "element": "Si",
                "structures": {
                    "kind": "md",
                    "slices": [{"name": "bulk", "count": 3, "temperature_K": 600, "steps": 3}],
                },
                "labeler": "stillinger_weber",
                "committee": 2,
                "model": {"channels": 4, "l_max": 1, "correlation": 1, "r_max": 4.0, "radial_mlp": [4]},
                "training": {"steps": 8000},
            }
        )
    )
    command = ("pretrain", "si.yaml", "--out", "si")
    done = shell.run(GRAFT, *command)
    assert "2 models of Si, force MAE" in done.stdout
    progress = [
        (int(steps), int(of)) for steps, of in re.findall(r"source training steps: (\d+) of (\d+)\n", done.stderr)
    ]
    total = progress[-1][1]
    assert total in (8000, 16000), "members that share a core are trained in one pass"
    assert 0 < progress[0][0] < progress[-1][0] == total, "progress must be shown while the members train"
    folder = shell.folder / "si"
    assert not list(folder.glob(".steps-*"))
    card = read_json(folder / "committee.json")
    assert (card["members"], card["elements"], card["held_out"]) == (2, ["Si"], 1)
    cards = [read_json(folder / f"member-{number}" / "model.json") for number in (0, 1)]
    assert cards[0]["weights_sha256"] != cards[1]["weights_sha256"], "the members must differ"
    assert [one["training"]["n_labels"] for one in cards] == [2, 2]
    read = (folder / "MODEL_CARD.md").read_text()
    assert read.startswith("# tiny\n")
    assert "trained on | 2 structures" in read
    assert f"| bulk | 1 | {card['errors']['bulk']['force_mae_meV_per_A']:.1f} |" in read
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.suffix in (".json", ".safetensors")}
    shell.graft(*command)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    # another config must not go on with these models
    assert "another config" in shell.run(GRAFT, *command, "--set", "training.steps=4", code=2).stderr
