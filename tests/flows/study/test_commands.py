"""A finished smoke study run again, and the other commands on it."""

import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest

from al_core.labels.store import LabelStore
from al_core.storage.files import read_json, write_json
from al_core.storage.locks import folder_lock
from al_core.studies.results import METRICS, StudyResults, load_results
from al_core.studies.workspace import Workspace
from flows.status import watch_status
from tests.flows.study.smoke import ARMS, GRAFT, SMOKE, Shell, rows_at

pytestmark = [pytest.mark.train]

# what a run that finds everything finished leaves untouched
PAID_FOR = (
    "evaluations",
    "selections",
    "labels",
    "labels.db",
    "models",
    "pool.extxyz",
    "pool_map.json",
    "source",
    "test.extxyz",
)


def _state(out: Path) -> dict[str, tuple[int, int]]:
    """Return modification time and size of everything that was paid for."""
    files = [file for name in PAID_FOR for file in ((out / name).rglob("*") if (out / name).is_dir() else [out / name])]
    assert all(file.exists() for file in files)
    return {
        str(file.relative_to(out)): (file.stat().st_mtime_ns, file.stat().st_size)
        for file in files
        if file.is_file() and file.suffix != ".lock"
    }


# ---- doing it again --------------------------------------------------------------------------------------------------


def test_the_same_command_again_repeats_nothing(copy: Path, results: StudyResults, shell: Shell) -> None:
    """With another home for Prefect: wiping its data base loses nothing."""
    before = _state(copy)
    assert any(name.startswith("models/") for name in before)
    output = Shell(shell.folder, shell.folder / "wiped").graft("study", "run", SMOKE, "--out", copy)
    assert "smoke: 36 of 36 cells" in output
    assert _state(copy) == before
    again = load_results(copy)
    assert again.rows == results.rows
    assert again.ledger == results.ledger


def test_results_are_made_again_where_they_were_deleted(copy: Path, results: StudyResults, shell: Shell) -> None:
    """A result that is lost is made from the models that are there, and is the same."""
    lost = results.rows[-1].model
    (file,) = (f for f in (copy / "evaluations").glob("*.json") if read_json(f)["model"] == lost)
    file.unlink()
    file.with_suffix(".npz").unlink()
    before = _state(copy)
    shell.graft("study", "run", SMOKE, "--out", copy)
    assert before.items() <= _state(copy).items()
    again = {row.model: row.metrics for row in load_results(copy).rows}
    known = {row.model: row.metrics for row in results.rows}
    for name, values in again[lost].items():
        assert values == pytest.approx(known[lost][name], rel=1e-6)


def test_two_studies_do_not_run_in_one_folder(copy: Path, shell: Shell) -> None:
    with Workspace(copy).alone():
        output = shell.run(GRAFT, "study", "run", SMOKE, "--out", copy, code=2).stderr
    assert output.startswith(f"error: a study is running in {copy} (")
    assert f"process {os.getpid()} on " in output
    assert output.endswith("; wait for its end or choose another --out\n")


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
    output = shell.run(sys.executable, script).stdout
    assert f"REPORT {copy / 'report.html'}" in output
    assert "FLOWS active-learning evaluate label-structures pretrain" in output
    assert _state(copy) == before


# ---- the other commands on a finished study --------------------------------------------------------------------------


def test_graft_study_status(finished: Path, results: StudyResults, shell: Shell) -> None:
    output = shell.graft("study", "status", finished)
    assert "36 of 36 finished" in output
    assert f"{results.ledger['labels_done']} done, 0 running, 0 failed" in output
    for arm in ARMS:
        (row,) = rows_at(results, comparison="own", acquisition="uncertainty", arm=arm, budget=4)
        assert re.search(rf"own\W+uncertainty\W+{arm}\b.*\b{row.metrics['all']['force_mae_meV_per_A']:.0f}\b", output)
        bias = re.escape(f"{row.metrics['all']['pressure_bias_GPa']:+.2f}")
        assert re.search(rf"own\W+uncertainty\W+{arm}\b.*{bias}", output.split("pressure bias")[1])


def test_graft_study_status_before_the_first_budget_is_finished(copy: Path, shell: Shell) -> None:
    (copy / "study.json").unlink()
    output = shell.graft("study", "status", copy)
    assert "done, 0 running, 0 failed" in output
    assert "cells: none yet" in output
    assert "no study here" in shell.run(GRAFT, "study", "status", shell.folder, code=2).stderr


def test_graft_study_status_names_labels_that_training_refuses(copy: Path, shell: Shell) -> None:
    index = read_json(copy / "study.json")
    index["ledger"]["failures"] = [{"structure": "abc", "cause": "its label has a force of 60 eV/Å"}]
    write_json(copy / "study.json", index)
    assert "refused abc: its label has a force of 60 eV/Å" in shell.graft("study", "status", copy)


def test_graft_study_status_as_json(copy: Path, results: StudyResults, shell: Shell) -> None:
    gone = results.rows[0].model
    (copy / "models" / gone / "training.json").unlink()
    left = sum(row.model != gone for row in results.rows)
    found = json.loads(shell.graft("study", "status", copy, "--json"))
    assert found["cells"] == {"finished": left, "of": results.expected_rows, "failures": []}
    done = LabelStore(copy / "labels.db").count()
    assert (found["labels"]["done"], found["labels"]["failures"], found["running"]) == (done, {}, None)
    assert found["spent"]["labels_asked"] == results.ledger["labels_asked"]
    last = results.rows[-1]
    assert (found["errors"][-1]["model"], found["errors"][-1]["budget"]) == (last.model, last.budget)
    assert found["errors"][-1]["force_mae_meV_per_A"] == last.metrics["all"]["force_mae_meV_per_A"]
    with folder_lock(copy, "a study"):
        running = json.loads(shell.graft("study", "status", copy, "--json"))["running"]
    assert f"process {os.getpid()}" in running


def test_graft_study_status_watch_ends_with_the_study(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with folder_lock(copy, "a study"):
        view = threading.Thread(target=watch_status, args=(copy, 0.05))
        view.start()
        time.sleep(1)
        assert view.is_alive()
    view.join(10)
    assert not view.is_alive()
    output = capsys.readouterr().out
    assert "Ctrl-C ends the view" in output
    assert output.count("36 of 36 finished") > 1
    assert output.strip().endswith(f"no study runs in {copy}")


def test_graft_study_status_where_a_result_was_deleted(copy: Path, results: StudyResults, shell: Shell) -> None:
    gone = results.rows[0].model
    (copy / "models" / gone / "training.json").unlink()
    left = [row for row in results.rows if row.model != gone]
    output = shell.graft("study", "status", copy)
    assert f"cells: {len(left)} of {results.expected_rows} finished" in output
    found = load_results(copy)
    assert [row.model for row in found.rows] == [row.model for row in left]
    assert not found.complete


def test_graft_study_report(copy: Path, finished: Path, shell: Shell) -> None:
    (copy / "report.html").unlink()
    output = shell.graft("study", "report", copy)
    assert output.strip() == str(copy / "report.html")
    assert (copy / "report.html").read_text() == (finished / "report.html").read_text()


def test_graft_study_plan(finished: Path, shell: Shell) -> None:
    fresh = shell.graft("study", "plan", SMOKE, "--out", shell.folder / "new", "--set", "budgets=[1,3]")
    assert re.search(r"cells\W+24 \(from 18 committees of 2\)", fresh)
    assert re.search(r"labels\W+3 to 8, 0 in the store already", fresh)
    assert "properties" not in fresh
    assert re.search(r"source first\W+labels 12, ", fresh)
    with_lattice = ("--set", "evaluations=[errors,lattice]", "--set", "property_budgets=[4]")
    planned = shell.graft("study", "plan", SMOKE, "--out", shell.folder / "new", *with_lattice)
    assert re.search(r"properties\W+lattice \(of 9 committees\)", planned)
    assert re.search(r"reference\W+computed by stillinger_weber", planned)
    assert list(shell.folder.iterdir()) == []
    done = len(LabelStore(finished / "labels.db").entries())
    again = shell.graft("study", "plan", SMOKE, "--out", finished)
    assert f"{done} in the store already" in again
    assert "source first" not in again, "it is pretrained"
    found = json.loads(shell.graft("study", "plan", SMOKE, "--out", finished, *with_lattice, "--json"))
    assert (found["cells"], found["labels_in_store"], found["source_first"]) == (36, done, None)
    assert f"{found['properties_core_hours']:.2f} core-hours (estimate; without" in planned


def test_graft_study_transferability(finished: Path, shell: Shell) -> None:
    told = shell.run(GRAFT, "study", "transferability", SMOKE, "--out", shell.folder / "new", code=2).stderr
    assert "is not trained yet in" in told
    found = json.loads(shell.graft("study", "transferability", SMOKE, "--out", finished, "--json"))
    assert found == read_json(finished / "transferability.json")["arms"], "the run has said the same"
    assert set(found) == {"transfer", "rescaled"}
    table = shell.graft("study", "transferability", SMOKE, "--out", finished)
    assert f"{found['transfer']['error_ratio']:.2f}" in table
    assert "Expected before the first label" in (finished / "report.html").read_text()


def test_graft_eval_says_what_assess_says(finished: Path, results: StudyResults, shell: Shell) -> None:
    from al_core.evaluation.assessment import assess

    model = results.rows[-1].model
    bundle, data = finished / "models" / model, finished / "test.extxyz"
    printed = json.loads(shell.graft("eval", "--bundle", bundle, "--data", data, "--json"))
    expected = assess(bundle, data, device="cpu")
    slices = printed.pop("slices")
    assert set(printed) == {*METRICS, "n_structures"}
    assert printed == pytest.approx(expected["all"], rel=1e-6)
    assert printed == pytest.approx(results.rows[-1].metrics["all"], rel=1e-3, abs=1e-4)
    assert set(slices) == {"diamond_600K", "strained"}
    for name, values in slices.items():
        assert values == pytest.approx(expected[name], rel=1e-6)
    # one member alone is a model too, and another one than the mean
    single = assess(bundle / "member-0", data, device="cpu")
    assert single["all"]["force_mae_meV_per_A"] == pytest.approx(results.rows[-1].members[0], rel=1e-3)
    table = shell.graft("eval", "--bundle", bundle, "--data", data)
    assert "strained" in table
    assert f"{printed['force_mae_meV_per_A']:.1f}" in table
    assert f"{printed['pressure_bias_GPa']:+.2f}" in table


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


def test_another_test_set_trains_nothing(copy: Path, results: StudyResults, shell: Shell) -> None:
    """Only ``test`` is changed: the models stay, untouched, and their errors on it are right."""
    from al_core.evaluation.assessment import assess

    before = {file: file.stat().st_mtime_ns for file in (copy / "models").rglob("*") if file.is_file()}
    slices = "test.slices=[{name: hot, count: 3, temperature_K: 1500, steps: 20}]"
    shell.graft("study", "run", SMOKE, "--out", copy, "--set", slices)
    assert {file: file.stat().st_mtime_ns for file in (copy / "models").rglob("*") if file.is_file()} == before
    again = load_results(copy)
    assert [row.model for row in again.rows] == [row.model for row in results.rows]
    row = again.rows[-1]
    assert row.metrics["all"]["n_structures"] == 3
    expected = assess(copy / "models" / row.model, copy / "test.extxyz", device="cpu")
    assert row.metrics["all"] == pytest.approx(expected["all"], rel=1e-6)


def test_another_evaluation_trains_nothing_and_is_measured_against_the_labeler(
    copy: Path, results: StudyResults, shell: Shell
) -> None:
    """Elastic constants at the last budget only, as ``graft properties`` has them of the same committee and labeler."""
    before = {file: file.stat().st_mtime_ns for file in copy.glob("[me]*s/**/*") if file.is_file()}
    asked = ("--set", "evaluations=[errors, elastic]", "--set", "property_budgets=[4]")
    shell.graft("study", "run", SMOKE, "--out", copy, *asked)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    again = load_results(copy)
    assert again.rows == results.rows
    assert {row.budget for row in again.properties} == {4}
    assert len(again.properties) == len(rows_at(results, budget=4))
    row = again.properties[0]
    models = json.loads(
        shell.graft("properties", "--bundle", copy / "models" / row.model, "--only", "elastic", "--json")
    )
    assert row.properties["C11_GPa"].value == pytest.approx(models["C11_GPa"]["value"], rel=1e-4)
    labeler = ("--labeler", "stillinger_weber", "--element", "Ge")
    expected = json.loads(shell.graft("properties", *labeler, "--only", "elastic", "--json"))
    assert again.references["elastic"].properties["C11_GPa"].value == expected["C11_GPa"]["value"]
    assert again.ledger["reference_labels"] == 0, "labels of a millisecond are not kept"


def test_a_study_of_an_earlier_evaluation_is_read_and_measured_anew_without_training(
    copy: Path, results: StudyResults, shell: Shell
) -> None:
    """Its records have another key and no stress; its report is made, and running it again trains nothing."""
    index = (copy / "study.json").read_text()
    for file in (copy / "evaluations").glob("*.json"):
        record = read_json(file)
        for values in record["metrics"].values():
            del values["stress_mae_GPa"], values["pressure_bias_GPa"]
        file.unlink()
        index = index.replace(file.stem, f"earlier-{file.stem}")
        write_json(file.with_name(f"earlier-{file.name}"), record)
    (copy / "study.json").write_text(index)
    models = {file: file.stat().st_mtime_ns for file in (copy / "models").rglob("*") if file.is_file()}
    shell.graft("study", "report", copy)
    assert (
        "stress" not in (copy / "report.html").read_text().split("<details><summary>Config")[0].split("</noscript>")[1]
    )
    old = load_results(copy)
    assert [row.members for row in old.rows] == [row.members for row in results.rows]
    assert "stress" not in shell.graft("study", "status", copy)
    shell.graft("study", "run", SMOKE, "--out", copy)
    assert {file: file.stat().st_mtime_ns for file in (copy / "models").rglob("*") if file.is_file()} == models
    again = load_results(copy)
    for row, known in zip(again.rows, results.rows, strict=True):
        assert row.metrics["all"] == pytest.approx(known.metrics["all"], rel=1e-6, abs=1e-9)
    assert "MAE of the six stress components in GPa" in (copy / "report.html").read_text()


def test_methods_under_two_names(copy: Path, results: StudyResults, shell: Shell) -> None:
    """One arm twice and one acquisition twice: the same settings train nothing, other settings train what is new."""
    gentle = "{kind: rescaled, name: gentle, tuning: {kind: anchored, strength: 10}}"
    arms = f"arms=[scratch, transfer, rescaled, {{kind: rescaled, name: again}}, {gentle}]"
    acquisitions = "acquisitions=[random, uncertainty, {kind: random, name: drawn}]"
    options = ("--set", arms, "--set", acquisitions, "--set", "shared_leader=rescaled", "--set", "budgets=[1,2]")
    before = {path.name for path in (copy / "models").iterdir()}
    output = shell.graft("study", "run", SMOKE, "--out", copy, *options)
    assert "smoke: 60 of 60 cells" in output
    found = load_results(copy)
    for budget in (1, 2):
        for acquisition, named in (("random", "drawn"), ("random", "random")):
            wanted = {"comparison": "own", "budget": budget}
            (row,) = rows_at(found, arm="rescaled", acquisition=acquisition, **wanted)
            (same,) = rows_at(found, arm="again", acquisition=named, **wanted)
            (other,) = rows_at(found, arm="gentle", acquisition=named, **wanted)
            assert (same.model, same.metrics, same.labels) == (row.model, row.metrics, row.labels)
            assert other.labels == row.labels
            assert other.model != row.model
    new = {path.name for path in (copy / "models").iterdir()} - before
    assert {row.arm for row in found.rows if row.model in new} <= {"gentle", "scratch"}
    for text in ("again", "gentle", "drawn"):
        assert text in (copy / "report.html").read_text()
