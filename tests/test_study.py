"""The smoke study through the command line and from Python, and what may be done with what it leaves."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.io import read, write

from al_core.datasets import LabelKeys, labelled_structures
from al_core.files import read_json
from al_core.report.tables import number
from al_core.store import LabelStore
from al_core.studies.results import METRICS, Row, StudyResults, load_results
from al_core.studies.workspace import Workspace

pytestmark = [pytest.mark.train]

ROOT = Path(__file__).resolve().parent.parent
SMOKE = ROOT / "configs" / "smoke.yaml"
GRAFT = Path(sys.executable).with_name("graft")
ARMS, ACQUISITIONS, BUDGETS = ("scratch", "transfer", "rescaled"), ("random", "uncertainty"), (1, 2, 4)
# what a run that finds everything finished leaves untouched
PAID_FOR = ("cells", "choices", "labels", "labels.db", "models", "pool.extxyz", "source", "test.extxyz")


@dataclass(frozen=True)
class Shell:
    """Commands in a folder, with a home of Prefect's own that nothing else uses."""

    folder: Path
    home: Path

    def run(self, *command: Any, code: int = 0) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**env, "PREFECT_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def graft(self, *arguments: Any, code: int = 0) -> str:
        return self.run(GRAFT, *arguments, code=code).stdout


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for Prefect; making its data base takes longer than most of what is done here."""
    return tmp_path_factory.mktemp("prefect-home")


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    """A shell in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder, home)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """The folder of a finished smoke study. Tests read it or work on a copy."""
    folder = tmp_path_factory.mktemp("smoke")
    done = Shell(folder, home).run(GRAFT, "study", "run", SMOKE, "--out", folder / "out")
    assert re.search(r"smoke: 36 of 36 cells, \d+ labels, best force MAE \d+ meV/Å .*\n", done.stdout)
    assert f"report: {folder / 'out' / 'report.html'}" in done.stdout
    assert "source training steps: 200 of 200\n" in done.stderr
    return folder / "out"


@pytest.fixture(scope="session")
def results(finished: Path) -> StudyResults:
    return load_results(finished)


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study; modification times are kept."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def _state(out: Path) -> dict[str, tuple[int, int]]:
    """Return modification time and size of everything that was paid for."""
    files = [file for name in PAID_FOR for file in ((out / name).rglob("*") if (out / name).is_dir() else [out / name])]
    assert all(file.exists() for file in files)
    return {
        str(file.relative_to(out)): (file.stat().st_mtime_ns, file.stat().st_size)
        for file in files
        if file.is_file() and file.suffix != ".lock"
    }


def _at(results: StudyResults, **wanted: Any) -> list[Row]:
    return [row for row in results.rows if all(getattr(row, key) == value for key, value in wanted.items())]


# ---- what a finished study says --------------------------------------------------------------------------------------


def test_the_config_is_what_these_tests_take_it_for() -> None:
    config = yaml.safe_load(SMOKE.read_text())
    assert (tuple(config["arms"]), tuple(config["acquisitions"])) == (ARMS, ACQUISITIONS)
    assert (tuple(config["budgets"]), config["seeds"]) == (BUDGETS, [0])
    assert re.search(r"^budgets: \[.*\]$", SMOKE.read_text(), re.MULTILINE), "on one line, to be edited by a script"


def test_every_cell_of_the_grid_has_its_errors(results: StudyResults) -> None:
    assert results.complete
    assert len(results.rows) == 36
    places = {(row.comparison, row.acquisition, row.arm, row.budget) for row in results.rows}
    assert places == {(c, a, arm, b) for c in ("shared", "own") for a in ACQUISITIONS for arm in ARMS for b in BUDGETS}
    for row in results.rows:
        assert set(row.metrics) == {"all", "diamond_600K", "strained"}
        for values in row.metrics.values():
            assert all(np.isfinite(values[metric]) and values[metric] > 0 for metric in METRICS)
        assert row.metrics["all"]["n_structures"] == 4
        assert len(row.members) == 2


def test_a_budget_is_a_number_of_labels_and_the_sets_are_nested(results: StudyResults) -> None:
    chains: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in results.rows:
        assert len(set(row.labels)) == len(row.labels) == row.budget
        chains[row.comparison, row.acquisition, row.arm].append(row)
    assert len(chains) == 12
    for rows in chains.values():
        smaller: set[str] = set()
        for row in sorted(rows, key=lambda one: one.budget):
            assert smaller < set(row.labels)
            smaller = set(row.labels)


def test_in_the_shared_comparison_all_arms_have_the_same_labels(results: StudyResults) -> None:
    for acquisition in ACQUISITIONS:
        for budget in BUDGETS:
            rows = _at(results, comparison="shared", acquisition=acquisition, budget=budget)
            assert {row.arm for row in rows} == set(ARMS)
            assert len({row.labels for row in rows}) == 1


def test_what_is_the_same_in_both_comparisons_is_one_cell(results: StudyResults) -> None:
    for budget in BUDGETS:
        for arm in ARMS:
            cells = {row.cell for row in _at(results, acquisition="random", arm=arm, budget=budget)}
            assert len(cells) == 1, "random labels are the same for every arm"
        # the leader, the last arm, chooses for all
        assert len({row.cell for row in _at(results, acquisition="uncertainty", arm="rescaled", budget=budget)}) == 1


def test_a_committee_that_knows_nothing_chooses_at_random(results: StudyResults) -> None:
    (asked,) = _at(results, comparison="own", acquisition="uncertainty", arm="scratch", budget=1)
    (drawn,) = _at(results, comparison="own", acquisition="random", arm="scratch", budget=1)
    assert asked.labels == drawn.labels


def test_the_first_choice_is_what_the_committee_is_least_sure_of(finished: Path, results: StudyResults) -> None:
    """Worked out again from the arm's start, with nothing of the study but its source and its pool."""
    from al_core.datasets import read_structures
    from al_core.hashing import structure_id
    from al_core.models.arms import ARMS as STARTS
    from al_core.models.bundle import load_bundle
    from al_core.models.card import committee_folders
    from al_core.models.mace import pick_device
    from al_core.models.prediction import predict

    (found,) = (path.parent for path in (finished / "source").rglob("committee.json"))
    source = [load_bundle(folder) for folder in committee_folders(found)]
    pool = read_structures(finished / "pool.extxyz")
    starts = STARTS["rescaled"](source, [], "Ge", 0, pick_device("cpu"))
    forces = predict(starts, pool, pick_device("cpu")).forces
    unsure = [np.sqrt(np.var(one, axis=0).sum(axis=1)).max() for one in forces]
    (row,) = _at(results, comparison="own", acquisition="uncertainty", arm="rescaled", budget=1)
    assert row.labels[0].startswith(f"L{structure_id(pool[int(np.argmax(unsure))])}-")


def _cells(rows: Iterable[Row]) -> set[str]:
    """Return the cells of rows and of the baselines on the same labels."""
    return {key for row in rows for key in (row.cell, row.baseline_cell) if key}


def test_every_transfer_has_its_baseline(results: StudyResults) -> None:
    by_cell = {row.cell: row for row in results.rows}
    for row in results.rows:
        assert row.baseline_cell, "scratch is trained on every set of labels"
        assert (row.baseline_cell == row.cell) == (row.arm == "scratch")
        assert row.baseline_metrics["all"]["n_structures"] == 4
        if row.baseline_cell in by_cell:
            assert set(by_cell[row.baseline_cell].labels) == set(row.labels)


def test_the_errors_are_those_of_the_models_that_were_kept(finished: Path, results: StudyResults) -> None:
    from al_core.models.bundle import load_bundle
    from al_core.models.card import committee_folders
    from al_core.models.mace import pick_device
    from al_core.models.prediction import predict

    test = labelled_structures(finished / "test.extxyz", LabelKeys())
    models = {path.name for path in (finished / "models").iterdir()}
    assert models == _cells(results.rows)
    for arm in ARMS:
        (row,) = _at(results, comparison="own", acquisition="uncertainty", arm=arm, budget=4)
        committee = [load_bundle(folder) for folder in committee_folders(finished / "models" / row.cell)]
        assert [bundle.element for bundle in committee] == ["Ge", "Ge"]
        assert {bundle.info["training"]["n_labels"] for bundle in committee} == {4}
        said = predict(committee, [atoms for atoms, _ in test], pick_device("cpu"))
        errors = [f.mean(axis=0) - label.forces for f, (_, label) in zip(said.forces, test, strict=True)]
        mae = 1e3 * np.abs(np.concatenate(errors)).mean()
        assert row.metrics["all"]["force_mae_meV_per_A"] == pytest.approx(mae, rel=1e-3)


def test_every_model_loads(finished: Path) -> None:
    from al_core.models.bundle import load_bundle

    folders = [path.parent for path in finished.rglob("model.json")]
    assert len(folders) == 2 * (1 + len(list((finished / "models").iterdir())))
    assert {load_bundle(folder).element for folder in folders} == {"Si", "Ge"}


def test_the_ledger_is_what_the_store_holds(finished: Path, results: StudyResults) -> None:
    entries = LabelStore(finished / "labels.db").entries()
    spent = results.ledger
    assert {entry.state for entry in entries} == {"done"}
    assert {entry.attempts for entry in entries} == {1}
    assert (spent["labels_done"], spent["labels_failed"], spent["test_labels"]) == (len(entries), 0, 4)
    assert spent["label_core_seconds"] == pytest.approx(sum(entry.core_seconds for entry in entries))
    used = {key for row in results.rows for key in row.labels}
    test = {entry.key for entry in entries} - used
    assert len(test) == 4, "a label that no cell and no test structure asked for"
    for part in spent["per_budget"]:
        upto = [row for row in results.rows if row.budget <= part["budget"]]
        assert part["labels"] == len({key for row in upto for key in row.labels})
        cells = [read_json(finished / "cells" / f"{key}.json") for key in _cells(upto)]
        assert part["training_core_seconds"] == pytest.approx(sum(cell["core_seconds"] for cell in cells))
    assert spent["training_core_seconds"] == pytest.approx(spent["per_budget"][-1]["training_core_seconds"])


def test_labels_are_those_of_the_labeler(finished: Path, sw_label: Any) -> None:
    for entry in LabelStore(finished / "labels.db").entries():
        expected = sw_label(entry.atoms)
        assert entry.label is not None
        assert entry.label.energy == pytest.approx(expected.energy)
        np.testing.assert_allclose(entry.label.forces, expected.forces, atol=1e-8)


def test_the_report_has_every_number_and_needs_no_network(finished: Path, results: StudyResults) -> None:
    page = (finished / "report.html").read_text()
    for row in results.rows:  # there is one seed: the mean is the value
        for metric in ("force_mae_meV_per_A", "energy_mae_meV_per_atom"):
            value = number(row.metrics["all"][metric])
            assert re.search(rf">\s*{re.escape(value)}\b", page), (row.arm, row.acquisition, row.budget, metric, value)
    for text in ("scratch", "transfer", "rescaled", results.provenance["test set"]["sha256"], "si-sw-tiny"):
        assert text in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?https?:", page)


def test_the_provenance_names_what_the_results_were_made_from(finished: Path, results: StudyResults) -> None:
    from al_core.hashing import file_sha256

    found = results.provenance
    assert found["test set"] == {"structures": 4, "sha256": file_sha256(finished / "test.extxyz")}
    assert found["pool"]["structures"] == 8
    assert found["labeler"]["kind"] == "stillinger_weber"
    assert found["versions"]["mace-torch"] != "not installed"


# ---- doing it again --------------------------------------------------------------------------------------------------


def test_the_same_command_again_repeats_nothing(copy: Path, results: StudyResults, shell: Shell) -> None:
    """With another home for Prefect: wiping its data base loses nothing."""
    before = _state(copy)
    assert any(name.startswith("models/") for name in before)
    said = Shell(shell.folder, shell.folder / "wiped").graft("study", "run", SMOKE, "--out", copy)
    assert "smoke: 36 of 36 cells" in said
    assert _state(copy) == before
    again = load_results(copy)
    assert again.rows == results.rows
    assert again.ledger == results.ledger


def test_results_are_made_again_where_they_were_deleted(copy: Path, results: StudyResults, shell: Shell) -> None:
    """A result that is lost is made from the models that are there, and is the same."""
    lost = results.rows[-1].cell
    Workspace(copy).cell(lost).unlink()
    before = _state(copy)
    shell.graft("study", "run", SMOKE, "--out", copy)
    assert before.items() <= _state(copy).items()
    again = {row.cell: row.metrics for row in load_results(copy).rows}
    known = {row.cell: row.metrics for row in results.rows}
    for name, values in again[lost].items():
        assert values == pytest.approx(known[lost][name], rel=1e-6)


def test_python_calls_the_flow_without_a_main_guard(copy: Path, shell: Shell) -> None:
    before = _state(copy)
    script = shell.folder / "study.py"
    script.write_text(
        "from flows import data_budget_study\n"
        f"report = data_budget_study({str(SMOKE)!r}, out={str(copy)!r})\n"
        "print('REPORT', report)\n"
        # a flow's name is the flow, whatever else was imported before
        "from flows import active_learning, evaluate, label_structures, pretrain\n"
        "print('FLOWS', *(flow.name for flow in (active_learning, evaluate, label_structures, pretrain)))\n"
    )
    said = shell.run(sys.executable, script).stdout
    assert f"REPORT {copy / 'report.html'}" in said
    assert "FLOWS active-learning evaluate label-structures pretrain" in said
    assert _state(copy) == before


# ---- the other commands on a finished study --------------------------------------------------------------------------


def test_graft_study_status(finished: Path, results: StudyResults, shell: Shell) -> None:
    said = shell.graft("study", "status", finished)
    assert "36 of 36 finished" in said
    assert f"{results.ledger['labels_done']} done, 0 running, 0 failed" in said
    for arm in ARMS:
        (row,) = _at(results, comparison="own", acquisition="uncertainty", arm=arm, budget=4)
        assert re.search(rf"own\W+uncertainty\W+{arm}\b.*\b{row.metrics['all']['force_mae_meV_per_A']:.0f}\b", said)


def test_graft_study_status_before_the_first_budget_is_finished(copy: Path, shell: Shell) -> None:
    (copy / "study.json").unlink()
    said = shell.graft("study", "status", copy)
    assert "done, 0 running, 0 failed" in said
    assert "cells: none yet" in said
    assert "no study here" in shell.run(GRAFT, "study", "status", shell.folder, code=2).stderr


def test_graft_study_report(copy: Path, finished: Path, shell: Shell) -> None:
    (copy / "report.html").unlink()
    said = shell.graft("study", "report", copy)
    assert said.strip() == str(copy / "report.html")
    assert (copy / "report.html").read_text() == (finished / "report.html").read_text()


def test_graft_study_plan(finished: Path, shell: Shell) -> None:
    fresh = shell.graft("study", "plan", SMOKE, "--out", shell.folder / "new", "--set", "budgets=[1,3]")
    assert re.search(r"cells\W+24 \(from 18 committees of 2\)", fresh)
    assert re.search(r"labels\W+3 to 8, 0 in the store already", fresh)
    assert list(shell.folder.iterdir()) == []
    done = len(LabelStore(finished / "labels.db").entries())
    assert f"{done} in the store already" in shell.graft("study", "plan", SMOKE, "--out", finished)


def test_graft_eval_says_what_assess_says(finished: Path, results: StudyResults, shell: Shell) -> None:
    from al_core.studies.assessment import assess

    cell = results.rows[-1].cell
    bundle, data = finished / "models" / cell, finished / "test.extxyz"
    said = json.loads(shell.graft("eval", "--bundle", bundle, "--data", data, "--json"))
    expected = assess(bundle, data, device="cpu")
    slices = said.pop("slices")
    assert set(said) == {*METRICS, "n_structures"}
    assert said == pytest.approx(expected["all"], rel=1e-6)
    assert said == pytest.approx(results.rows[-1].metrics["all"], rel=1e-3)
    assert set(slices) == {"diamond_600K", "strained"}
    for name, values in slices.items():
        assert values == pytest.approx(expected[name], rel=1e-6)
    # one member alone is a model too, and another one than the mean
    single = assess(bundle / "member-0", data, device="cpu")
    assert single["all"]["force_mae_meV_per_A"] == pytest.approx(results.rows[-1].members[0], rel=1e-3)
    table = shell.graft("eval", "--bundle", bundle, "--data", data)
    assert "strained" in table
    assert f"{said['force_mae_meV_per_A']:.1f}" in table


def test_graft_help_imports_nothing_heavy(shell: Shell) -> None:
    program = (
        "import sys\n"
        "sys.argv = ['graft', '--help']\n"
        "from flows.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print('CODE', end.code)\n"
        "print('HEAVY', *sorted({'torch', 'prefect', 'mace', 'e3nn', 'gpaw', 'scipy', 'plotly'} & set(sys.modules)))\n"
    )
    lines = shell.run(sys.executable, "-c", program).stdout.splitlines()
    assert "CODE 0" in lines
    assert lines[-1] == "HEAVY"


# ---- the other flows -------------------------------------------------------------------------------------------------


def test_active_learning_from_a_script_without_a_main_guard(finished: Path, shell: Shell) -> None:
    """A study that is not finished: its workers start while the script runs, and must not run it again."""
    (source,) = (path.parent for path in (finished / "source").rglob("committee.json"))
    script = shell.folder / "learn.py"
    script.write_text(
        "print('STARTED')\n"
        "from flows import active_learning\n"
        f"report = active_learning({str(SMOKE)!r}, arm='transfer', acquisition='uncertainty', seed=3, out='al',\n"
        f"    overrides=['budgets=[2]', 'source={{kind: bundles, path: {source}}}', 'training.steps=2'])\n"
        "print('REPORT', report)\n"
    )
    said = shell.run(sys.executable, script).stdout
    assert said.count("STARTED") == 1
    assert f"REPORT {shell.folder / 'al' / 'report.html'}" in said
    found = load_results(shell.folder / "al")
    assert found.complete
    (row,) = found.rows
    assert (row.comparison, row.arm, row.acquisition, row.seed, row.budget) == ("own", "transfer", "uncertainty", 3, 2)
    assert found.name == "smoke-transfer-uncertainty-3"
    assert len(LabelStore(shell.folder / "al" / "labels.db").entries()) == 4 + 2


def test_active_learning_tells_an_arm_that_is_not_there(shell: Shell) -> None:
    script = (
        "from al_core.errors import ConfigError\n"
        "from flows.active_learning import active_learning\n"
        "for wrong in ({'arm': 'transfr'}, {'acquisition': 'uncertain'}):\n"
        "    try:\n"
        f"        active_learning.fn({str(SMOKE)!r}, **wrong)\n"
        "    except ConfigError as error:\n"
        "        print('REFUSED', error)\n"
    )
    said = shell.run(sys.executable, "-c", script).stdout
    assert "did you mean 'transfer'?" in said
    assert "did you mean 'uncertainty'?" in said
    assert list(shell.folder.iterdir()) == []


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
        (baseline,) = _at(results, arm="scratch", budget=row.budget)
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
                "training": {"steps": 2000},
            }
        )
    )
    command = ("pretrain", "si.yaml", "--out", "si")
    done = shell.run(GRAFT, *command)
    assert "2 models of Si, force MAE" in done.stdout
    told = [(int(steps), int(of)) for steps, of in re.findall(r"source training steps: (\d+) of (\d+)\n", done.stderr)]
    total = told[-1][1]
    assert total in (2000, 4000), "members that share a core are trained in one pass"
    assert 0 < told[0][0] < told[-1][0] == total, "progress must be told while the members train"
    folder = shell.folder / "si"
    assert not list(folder.glob(".steps-*"))
    card = read_json(folder / "committee.json")
    assert (card["members"], card["element"], card["held_out"]) == (2, "Si", 1)
    cards = [read_json(folder / f"member-{number}" / "model.json") for number in (0, 1)]
    assert cards[0]["weights_sha256"] != cards[1]["weights_sha256"], "the members must differ"
    assert [one["training"]["n_labels"] for one in cards] == [2, 2]
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.suffix in (".json", ".safetensors")}
    shell.graft(*command)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    # another config must not go on with these models
    assert "another config" in shell.run(GRAFT, *command, "--set", "training.steps=4", code=2).stderr
