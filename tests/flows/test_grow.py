"""A potential that is grown: by the command and from Python, and by one that is killed and goes on where it stood."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.db import connect

from al_core.exploration.frames import read_frames
from al_core.labels.store import LabelStore
from al_core.models.calculator import CommitteeCalculator
from al_core.models.committee import committee_folders, read_calibration
from al_core.storage.hashing import structure_id
from al_core.studies.features import read_features
from al_core.studies.growth_index import GrowthResults, load_growth
from al_core.studies.records import property_record
from al_core.studies.workspace import Workspace
from flows.active_learning import _prepare
from flows.status import print_status, status_of
from tests.flows.killed import Command, Watched
from tests.flows.study.smoke import GRAFT, ROOT, Shell
from tests.helpers import growth_config

SMOKE = ROOT / "configs" / "grow_smoke.yaml"
pytestmark = [pytest.mark.train]


@pytest.fixture(scope="module")
def shell_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shell]:
    """Make shells in empty folders, with one home of Prefect's."""
    home = tmp_path_factory.mktemp("prefect-home")
    return lambda: Shell(tmp_path_factory.mktemp("grow"), home)


@pytest.fixture(scope="module")
def run(shell_of: Callable[[], Shell]) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of a finished growth, and what the command said. Tests read it or work on a copy."""
    shell = shell_of()
    done = shell.run(GRAFT, "grow", SMOKE)
    return shell.folder / "runs" / "grow-smoke", done


ALLOY = """\
name: alloy
target: {map: {Cu: Cu, Au: Ag}}
source:
  kind: pretrain
  element: [Cu, Au]
  structures:
    kind: rattled
    crystal: {prototype: zincblende, a: 5.6}
    slices: [{name: warm, count: 12, rattle_A: 0.08, strain: 0.03, cells: 2}]
  labeler: emt
  committee: 2
  model: {channels: 8, l_max: 2, correlation: 2, r_max: 4.0, radial_functions: 6, radial_mlp: [16, 16]}
  training: {steps: 60, batch_size: 4}
labeler: emt
crystal: {prototype: zincblende, a: 5.6}
purpose: {temperatures_K: [300], force_error_meV_per_A: 100, picoseconds: 0.1, supercell: 1}
labels: 3
batch: 3
drawn: 2
exploration: {walkers: 4, picoseconds: 0.06, every_fs: 20, cells: [3, 4]}
committee: 2
training: {steps: 20, batch_size: 4}
"""


def test_a_compound_is_grown_from_another(shell_of: Callable[[], Shell]) -> None:
    shell = shell_of()
    (shell.folder / "alloy.yaml").write_text(ALLOY)
    done = shell.run(GRAFT, "grow", "alloy.yaml", "--out", "alloy")
    out = shell.folder / "alloy"
    assert f"model: {out / 'model'}, {out / 'CuAg.model'}\n" in done.stdout
    found = load_growth(out)
    assert [one.labels for one in found.rounds] == [0, 3]
    assert {journey.phase for one in found.rounds for journey in one.journeys} == {"crystal", "vacancy"}
    frames = read_frames(Workspace(out).frames(found.rounds[0].explorations[0]))
    formulas = {frame.atoms.get_chemical_formula() for frame in frames}
    assert formulas <= {"Ag3Cu3", "Ag4Cu4", "Ag2Cu3", "Ag3Cu2", "Ag3Cu4", "Ag4Cu3"}
    assert {"Ag3Cu3"} < formulas
    (stability,) = (property_record(Workspace(out).evaluation(key)) for key in found.rounds[-1].stability)
    assert stability is not None
    assert stability.measured.details["walks"], "dynamics of the zincblende crystal"
    assert "CuAg potential for crystal and vacancy at 300 K" in (out / "report.html").read_text()


@pytest.fixture(scope="module")
def grown(run: tuple[Path, Any]) -> Path:
    return run[0]


@pytest.fixture(scope="module")
def results(grown: Path) -> GrowthResults:
    return load_growth(grown)


def _files(out: Path) -> dict[str, int]:
    """Return what is computed once, and when it was written."""
    parts = ("models", "source", "calibrations", "explorations", "evaluations", "selections")
    files = [path for part in parts for path in (out / part).rglob("*") if path.is_file()]
    # the frames of a round are put together from its explorations by every run
    files = [path for path in files if ".tmp-" not in str(path) and not path.name.startswith("round-")]
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in files}


def test_the_command_tells_each_round_and_where_the_model_is(run: tuple[Path, Any], results: GrowthResults) -> None:
    out, done = run
    last = results.rounds[-1]
    assert re.search(rf"grow-smoke: {last.labels} labels, \d+ s; {re.escape(last.reason)}\n", done.stdout)
    assert f"model: {out / 'model'}, {out / 'Ge.model'}\n" in done.stdout
    assert "round 0: 0 labels, " in done.stderr
    assert "(not calibrated), 100 wanted; " in done.stderr
    assert f"round {last.number}: {last.labels} labels, " in done.stderr
    assert "Traceback" not in done.stderr


def test_its_status_is_its_rounds(grown: Path, results: GrowthResults, capsys: pytest.CaptureFixture[str]) -> None:
    status = status_of(grown)
    assert [one["labels"] for one in status["rounds"]] == [one.labels for one in results.rounds]
    assert (status["name"], status["reason"]) == (results.name, results.reason)
    assert status["labels"]["done"] == results.ledger["labels_done"]
    print_status(grown)
    printed = capsys.readouterr().out
    assert f"round {results.rounds[-1].number}: {results.rounds[-1].labels} labels, " in printed
    assert "cells" not in printed


def test_what_is_left_is_a_committee_that_knows_its_error(grown: Path, results: GrowthResults) -> None:
    assert len(committee_folders(grown / "model")) == 2
    assert read_calibration(grown / "model") == results.rounds[-1].calibration
    assert (grown / "Ge.model").stat().st_size > 10_000
    atoms = read_frames(Workspace(grown).frames("round-0"))[0].atoms
    calculator = CommitteeCalculator.of_folder(grown / "model", "cpu")
    uncertainty = calculator.get_property("forces_uncertainty", atoms)
    assert uncertainty.shape == (len(atoms),)
    assert (uncertainty > 0).all()


def test_the_index_has_every_round_and_label(grown: Path, results: GrowthResults) -> None:
    assert [one.number for one in results.rounds] == list(range(len(results.rounds)))
    assert [one.labels for one in results.rounds] == [0, 3, 6][: len(results.rounds)]
    assert [bool(one.reason) for one in results.rounds] == [*[False] * (len(results.rounds) - 1), True]
    assert results.config["labels"] == 6
    entries = {entry.key: entry for entry in LabelStore(Workspace(grown).store).entries()}
    chosen = [one for each in results.rounds for one in each.chosen]
    assert {one.key for one in chosen} == set(entries)
    assert {entry.state for entry in entries.values()} == {"done"}
    assert {entry.attempts for entry in entries.values()} == {1}
    assert results.ledger["labels_done"] == len(entries) == results.rounds[-1].labels
    assert sum(one.drawn for one in chosen) == results.rounds[-1].calibration.structures
    for each in results.rounds[:-1]:
        frames = {structure_id(one.atoms): one for one in read_frames(Workspace(grown).frames(f"round-{each.number}"))}
        for one in each.chosen:
            assert frames[one.structure].expected == pytest.approx(one.expected)
            assert len(frames[one.structure].atoms) == one.atoms
    assert {"source", "labeler", "versions"} <= set(results.provenance)


def test_the_map_has_all_that_was_explored(grown: Path, results: GrowthResults) -> None:
    files = [Workspace(grown).frames(key) for each in results.rounds for key in each.explorations]
    explored = {structure_id(one.atoms) for file in files for one in read_frames(file)}
    assert explored < set(read_features(Workspace(grown).features("map")))
    html = (grown / "report.html").read_text(encoding="utf-8")
    assert re.search(r"\d+ of \d+ frames that walkers came by are farther from each of the starts", html)


def test_dynamics_of_the_purpose_were_run(grown: Path, results: GrowthResults) -> None:
    (key,) = results.rounds[-1].stability
    record = property_record(Workspace(grown).evaluation(key))
    assert record is not None
    assert len(record.measured.details["walks"]) == 1


def test_the_same_command_again_computes_nothing(
    grown: Path, results: GrowthResults, shell_of: Callable[[], Shell]
) -> None:
    shell = shell_of()
    shutil.copytree(grown, shell.folder / "copy")
    before = _files(shell.folder / "copy")
    assert before
    labels = LabelStore(shell.folder / "copy" / "labels.db").entries()
    shell.graft("grow", SMOKE, "--out", "copy")
    assert _files(shell.folder / "copy") == before
    again = LabelStore(shell.folder / "copy" / "labels.db").entries()
    assert [(one.key, one.attempts, one.core_seconds) for one in again] == [
        (one.key, one.attempts, one.core_seconds) for one in labels
    ]
    assert load_growth(shell.folder / "copy").rounds == results.rounds
    assert load_growth(shell.folder / "copy").ledger == results.ledger


def test_more_labels_go_on_with_those_that_are_there(
    grown: Path, results: GrowthResults, shell_of: Callable[[], Shell]
) -> None:
    assert results.reason.startswith("all"), "it ends when its labels are spent"
    shell = shell_of()
    shutil.copytree(grown, shell.folder / "copy")
    before = _files(shell.folder / "copy")
    shell.graft("grow", SMOKE, "--out", "copy", "--set", "labels=7")
    found = load_growth(shell.folder / "copy")
    assert found.rounds[:2] == results.rounds[:2]
    assert found.rounds[2].model == results.rounds[2].model
    assert found.rounds[-1].labels == 7
    after = _files(shell.folder / "copy")
    assert {name: after[name] for name in before} == before


def test_a_test_set_that_left_the_config_leaves_the_folder(tmp_path: Path) -> None:
    """Else the report would measure the frames on it."""
    workspace = Workspace(tmp_path)
    workspace.test.write_text("of a run before")
    _prepare(growth_config(), workspace)
    assert workspace.pool.exists()
    assert not workspace.test.exists()


def test_a_plan_computes_nothing(shell_of: Callable[[], Shell]) -> None:
    shell = shell_of()
    output = shell.graft("grow", SMOKE, "--plan", "--out", "out")
    planned = json.loads(shell.graft("grow", SMOKE, "--plan", "--json", "--out", "out"))
    assert f"up to {planned['rounds']}, of" in output
    assert "goes with --plan" in shell.run(GRAFT, "grow", SMOKE, "--json", code=2).stderr
    assert "Growth grow-smoke" in output
    for expected in (
        r"wanted .*force error of 100 meV/Å, 0\.2 ps stable",
        r"rounds .*up to 3, of 3 labels, 2 of them drawn at random",
        r"labels .*up to 6, 0 in the store already",
        r"labelling .*core-hours for all of them \(rough estimate\)",
        r"exploring .*4 walkers of 0\.1 ps",
        r"simulation .*8 atoms at the end",
    ):
        assert re.search(expected, output), expected
    assert list(shell.folder.iterdir()) == []


def test_a_plan_knows_the_labels_that_are_there(grown: Path, shell_of: Callable[[], Shell]) -> None:
    before, growth = _files(grown), Workspace(grown).growth.stat().st_mtime_ns
    output = shell_of().graft("grow", SMOKE, "--plan", "--out", grown)
    assert re.search(r"labels .*up to 6, [36] in the store already", output)
    assert re.search(r"fitted to [36] finished labels", output)
    assert _files(grown) == before
    assert Workspace(grown).growth.stat().st_mtime_ns == growth


def test_python_calls_the_flow_without_a_main_guard(grown: Path, shell_of: Callable[[], Shell]) -> None:
    """Its workers start while the script runs, and must not run it again."""
    shell = shell_of()
    (source,) = (path.parent for path in (grown / "source").rglob("committee.json"))
    script = shell.folder / "grow.py"
    script.write_text(
        "print('STARTED')\n"
        "from flows import active_learning\n"
        f"report = active_learning({str(SMOKE)!r}, out='grown', overrides=[\n"
        f"    'source={{kind: bundles, path: {source}}}', 'labels=2', 'batch=2', 'drawn=1', 'training.steps=2',\n"
        "    'exploration={walkers: 2, picoseconds: 0.02, every_fs: 10, cells: [3]}', 'purpose.picoseconds=0.02'])\n"
        "print('REPORT', report)\n"
    )
    output = shell.run(sys.executable, script).stdout
    assert output.count("STARTED") == 1
    assert f"REPORT {shell.folder / 'grown' / 'report.html'}" in output
    assert [one.labels for one in load_growth(shell.folder / "grown").rounds] == [0, 2]


def test_two_growths_do_not_run_in_one_folder(grown: Path, shell_of: Callable[[], Shell]) -> None:
    shell = shell_of()
    shutil.copytree(grown, shell.folder / "copy")
    with Workspace(shell.folder / "copy").alone():
        done = shell.run(GRAFT, "grow", SMOKE, "--out", "copy", code=2)
    assert "copy" in done.stderr


# ---- killed ---------------------------------------------------------------------------------------------------------

SMALL = {
    "source.structures.slices": "[{name: crystal, count: 4, temperature_K: 600, steps: 5}]",
    "source.training.steps": "20",
    "labels": "4",
    "batch": "2",
    "drawn": "1",
    "exploration": "{walkers: 2, picoseconds: 0.04, every_fs: 20, cells: [3], window: [0.1, 1000]}",
    "purpose.force_error_meV_per_A": "20",  # never good enough
    "purpose.picoseconds": "0.02",
    "training.steps": "60",
    "site.workers": "2",
}


@dataclass(frozen=True)
class State:
    """What a growth's folder holds at one moment, and what the run that led there did.

    Attributes:
        labels: label key to (state, attempts).
        files: what is computed once, and when it was written.
        asked: structures whose labels the run began to compute.
        wrote: records that it wrote, `calibrations/KEY.json` and others, and `models/KEY`.
    """

    labels: dict[str, tuple[str, int]]
    files: dict[str, int]
    asked: tuple[str, ...] = ()
    wrote: tuple[str, ...] = ()

    def done(self) -> set[str]:
        """Return the structures that have a label."""
        return {key[1:].partition("-")[0] for key, (state, _) in self.labels.items() if state == "done"}

    def count(self, part: str, suffix: str = ".json") -> int:
        return sum(name.startswith(part) and name.endswith(suffix) for name in self.files)


def _look(out: Path) -> State:
    while True:
        with contextlib.suppress(FileNotFoundError):  # a temporary file was there and is gone
            labels: dict[str, tuple[str, int]] = {}
            if (out / "labels.db").exists():
                with connect(out / "labels.db", type="db", use_lock_file=False) as db:
                    labels = {row.label_key: (row.state, row.attempts) for row in db.select("label_key")}
            return State(labels, _files(out))


def _after(out: Path, did: Watched) -> State:
    wrote = [
        f"models/{path.parent.name.removeprefix('.tmp-')}"
        if path.name == "training.json"
        else f"{path.parent.name}/{path.name}"
        for path in did.wrote
        if path.name == "training.json"
        or path.parent.name in ("calibrations", "explorations", "evaluations", "selections")
    ]
    now = _look(out)
    return State(now.labels, now.files, did.asked, tuple(wrote))


@dataclass(frozen=True)
class Story:
    """A growth killed while it labels, while it trains, and while it explores; finished, and run once more."""

    out: Path
    killed: tuple[State, State, State]
    finished: State
    again: State


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    growth = Command(tmp_path_factory.mktemp("killed"), ("grow", str(SMOKE)), SMALL)

    def killed(reached: Callable[[State], bool]) -> State:
        return _after(growth.out, growth.kill_when(lambda: reached(_look(growth.out))))

    moments = (
        killed(lambda state: bool(state.done())),
        killed(lambda state: state.count("models/", "training.json") >= 1),
        killed(lambda state: state.count("explorations/") >= 2),
    )
    return Story(growth.out, moments, _after(growth.out, growth.finish()), _after(growth.out, growth.finish()))


@pytest.mark.slow
def test_it_was_killed_at_three_moments_and_finished(story: Story) -> None:
    labelling, training, exploring = story.killed
    assert 1 <= len(labelling.done()) <= 2
    assert labelling.count("models/", "training.json") == 0
    assert labelling.count("explorations/") == 1
    assert training.count("explorations/") == 1
    assert training.count("models/", "training.json") >= 1
    assert exploring.count("explorations/") >= 2
    assert not any("labels are spent" in str(state) for state in story.killed)
    found = load_growth(story.out)
    assert [one.labels for one in found.rounds] == [0, 2, 4]
    assert found.reason == "all 4 labels are spent"
    assert len(committee_folders(story.out / "model")) == 2
    assert (story.out / "Ge.model").exists()
    assert np.isfinite([one.expected for one in found.rounds]).all()


@pytest.mark.slow
def test_no_label_was_computed_twice(story: Story) -> None:
    states = [*story.killed, story.finished, story.again]
    for before, after in pairwise(states):
        assert not before.done() & set(after.asked)
        assert len(set(after.asked)) == len(after.asked)
    assert len(story.finished.done()) == 4
    assert {state for state, _ in story.finished.labels.values()} == {"done"}


@pytest.mark.slow
def test_no_model_exploration_or_calibration_was_made_twice(story: Story) -> None:
    made = Counter(name for state in (*story.killed, story.finished, story.again) for name in state.wrote)
    assert len(made) > 8
    parts = {part.partition("/")[0] for part in made}
    assert parts >= {"models", "calibrations", "explorations", "evaluations"}, "they were watched"
    assert {name: times for name, times in made.items() if times > 1} == {}


@pytest.mark.slow
def test_what_was_there_was_not_written_again(story: Story) -> None:
    for before in story.killed:
        assert before.files
        assert {name: when for name, when in story.finished.files.items() if name in before.files} == before.files


@pytest.mark.slow
def test_a_further_run_computes_nothing(story: Story) -> None:
    assert (story.again.asked, story.again.wrote) == ((), ())
    assert story.again.labels == story.finished.labels
    assert story.again.files == story.finished.files
