"""A study that is killed goes on where it stood: no label computed twice, no finished model trained again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from ase.db import connect

from al_core.studies.results import load_results

ROOT = Path(__file__).resolve().parents[2]
TEST_STRUCTURES = 30
SMALL = {
    "source.structures.slices": "[{name: crystal, count: 4, temperature_K: 600, steps: 5}]",
    "source.training.steps": "20",
    "test.slices": f"[{{name: crystal, count: {TEST_STRUCTURES}, temperature_K: 600, strain: 0.05, steps: 1}}]",
    "pool.slices": "[{name: crystal, count: 4, temperature_K: 900, steps: 5}]",
    "arms": "[scratch, transfer]",
    "acquisitions": "[random]",
    "budgets": "[1, 2]",
    "training.steps": "60",
    "workers": "2",
}
MODELS = 2 + 2 * 2 * 2  # source; arms, budgets, members

# Python imports a module of this name at the start of every process: what is computed is counted from outside
WATCH = """
import importlib.abc, importlib.util, os, sys

def note(what):
    with open(os.environ["WATCH_LOG"], "a") as log:
        log.write(what + "\\n")

def watch_training(module):
    train = module.train
    def watched(*arguments, **named):
        note("train")
        return train(*arguments, **named)
    module.train = watched

def watch_labels(module):
    from al_core.storage.hashing import structure_id
    label = module.StillingerWeberLabeler.label
    def watched(self, atoms, directory, rung):
        note("label " + structure_id(atoms))
        return label(self, atoms, directory, rung)
    module.StillingerWeberLabeler.label = watched

WATCHED = {"al_core.models.training.train": watch_training, "calculators.classical.stillinger_weber": watch_labels}

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in WATCHED:
            return None
        watch = WATCHED.pop(name)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (execute(module), watch(module))
        return spec

sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True)
class State:
    """What a study's folder holds at one moment.

    Attributes:
        labels: label key to (state, attempts, time of its last change), of the study's own store.
        source_labels: the same of the source committee's store.
        models: bundle to the time its weights were written.
        evaluations: result to the time it was written.
        asked: structures whose labels the run that led here began to compute, as often as it did.
        trainings: how many trainings that run began; one is of a whole committee.
    """

    labels: dict[str, tuple[str, int, float]]
    source_labels: dict[str, tuple[str, int, float]]
    models: dict[str, int]
    evaluations: dict[str, int]
    asked: list[str] = field(default_factory=list)
    trainings: int = 0

    def done(self) -> set[str]:
        """Return the keys of the finished labels."""
        return {key for key, (state, _, _) in self.labels.items() if state == "done"}

    def committees(self) -> dict[str, int]:
        """Return how many members each trained committee of the study has."""
        return Counter(str(Path(model).parents[1]) for model in self.models if model.startswith("models/"))

    def done_structures(self) -> set[str]:
        """Return the structures with a finished label, those of the source committee included."""
        both = self.labels | self.source_labels
        return {key[1:].partition("-")[0] for key, (state, _, _) in both.items() if state == "done"}


def look(out: Path) -> State:
    while True:
        with contextlib.suppress(FileNotFoundError):  # a temporary file was there and is gone
            return State(
                labels=_rows(out.glob("labels.db")),
                source_labels=_rows(out.glob("source/**/labels.db")),
                models=_written(out, "**/member-*/weights.safetensors"),
                evaluations=_written(out, "evaluations/*.json"),
            )


def _rows(stores: Iterable[Path]) -> dict[str, tuple[str, int, float]]:
    rows = []
    for store in stores:
        with connect(store, type="db", use_lock_file=False) as db:
            rows += [(row.label_key, (row.state, row.attempts, row.mtime)) for row in db.select("label_key")]
    assert len(dict(rows)) == len(rows), "a label stands twice in the store"
    return dict(rows)


def _written(out: Path, pattern: str) -> dict[str, int]:
    found = [path for path in out.glob(pattern) if ".tmp-" not in str(path)]
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in found}


def _tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    tree = [pid]
    for one in tree:
        tree += children.get(one, [])
    return tree


@contextlib.contextmanager
def _study(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the study while the block lasts; its whole process tree is killed with the block."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    (home / "watch").mkdir(exist_ok=True)
    (home / "watch" / "sitecustomize.py").write_text(WATCH)
    (home / "watched").write_text("")
    env |= {
        "NO_PROXY": "127.0.0.1,localhost",
        "PREFECT_HOME": str(home / "prefect"),
        "PYTHONPATH": f"{home / 'watch'}{os.pathsep}{ROOT}",
        "WATCH_LOG": str(home / "watched"),
    }
    changes = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "flows.cli", "study", "run", str(ROOT / "configs" / "smoke.yaml")]
    with (home / "log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--out", "out", *changes], cwd=home, env=env, stdout=log, stderr=log, text=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            for pid in _tree(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()


def _after_run(home: Path) -> State:
    watched = (home / "watched").read_text().splitlines()
    asked = [line.removeprefix("label ") for line in watched if line.startswith("label ")]
    return replace(look(home / "out"), asked=asked, trainings=watched.count("train"))


def _kill_when(home: Path, reached: Callable[[State], bool]) -> State:
    """Run the study, kill it as soon as its folder is in a state, and return what it left."""
    deadline = time.monotonic() + 240
    with _study(home) as process:
        while not reached(look(home / "out")):
            assert process.poll() is None, f"it ended before it could be killed:\n{(home / 'log').read_text()}"
            assert time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.02)
    return _after_run(home)


def _finish(home: Path) -> State:
    with _study(home) as process:
        assert process.wait(240) == 0, (home / "log").read_text()
    return _after_run(home)


@dataclass(frozen=True)
class Story:
    """A study killed while it labels, killed while it trains, finished, and run once more."""

    out: Path
    labelling: State
    training: State
    finished: State
    again: State


def _labelling(state: State) -> bool:
    return len(state.done()) >= 3


def _training(state: State) -> bool:
    """A model of an arm is finished, and nothing is evaluated."""
    return any(model.startswith("models/") for model in state.models) and not state.evaluations


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = tmp_path_factory.mktemp("resume")
    return Story(home / "out", _kill_when(home, _labelling), _kill_when(home, _training), _finish(home), _finish(home))


pytestmark = [pytest.mark.train, pytest.mark.slow]


def test_it_was_killed_in_the_middle_of_labelling(story: Story) -> None:
    assert 3 <= len(story.labelling.done()) < TEST_STRUCTURES
    assert len([model for model in story.labelling.models if model.startswith("source/")]) == 2
    assert story.labelling.evaluations == {}


def test_it_was_killed_in_the_middle_of_training(story: Story) -> None:
    assert 2 < len(story.training.models) < MODELS
    assert story.training.evaluations == {}


def test_it_finished_in_the_end(story: Story) -> None:
    results = load_results(story.out)
    assert len(results.rows) == results.expected_rows == 8
    assert len(story.finished.models) == MODELS
    assert (story.out / "report.html").stat().st_size > 1000


def test_no_label_was_computed_twice(story: Story) -> None:
    for before in (story.labelling, story.training):
        for key in before.done():
            assert story.finished.labels[key] == before.labels[key]  # same attempt, never written again
    assert {state for state, _, _ in story.finished.labels.values()} == {"done"}
    assert {attempts for _, attempts, _ in story.finished.source_labels.values()} == {1}


def test_what_was_cut_off_is_what_was_computed_again(story: Story) -> None:
    again = {key for key, (_, attempts, _) in story.finished.labels.items() if attempts > 1}
    cut = [
        {k for k, (state, _, _) in s.labels.items() if state == "running"} for s in (story.labelling, story.training)
    ]
    assert again == cut[0] | cut[1]


def test_each_label_has_one_folder_and_each_structure_one_label(story: Story) -> None:
    keys = set(story.finished.labels)
    assert {path.name for path in (story.out / "labels").iterdir()} == keys
    assert len({key.partition("-")[0] for key in keys}) == len(keys)
    assert TEST_STRUCTURES < len(keys) <= TEST_STRUCTURES + 4


def test_no_finished_label_was_asked_of_the_labeler_again(story: Story) -> None:
    assert len(story.labelling.asked) >= 3  # they were watched
    for before, after in pairwise([story.labelling, story.training, story.finished, story.again]):
        assert not before.done_structures() & set(after.asked)
        assert len(set(after.asked)) == len(after.asked)


@pytest.mark.parametrize("moment", ["labelling", "training"])
def test_no_finished_model_was_written_again(story: Story, moment: str) -> None:
    before: State = getattr(story, moment)
    assert before.models
    assert {name: story.finished.models[name] for name in before.models} == before.models


def test_only_unfinished_models_were_trained(story: Story) -> None:
    assert 1 <= story.labelling.trainings <= 2  # the source: its members on as many cores as there are
    whole = [committee for committee, members in story.training.committees().items() if members == 2]
    assert story.finished.trainings == len(story.finished.committees()) - len(whole)


def test_a_further_run_takes_no_label_and_no_model(story: Story) -> None:
    assert (story.again.asked, story.again.trainings) == ([], 0)
    assert replace(story.again, asked=story.finished.asked, trainings=story.finished.trainings) == story.finished
