"""A study that is killed goes on where it stood: no label computed twice, no finished model trained again."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from ase.db import connect

from al_core.studies.results import load_results
from tests.flows.killed import ROOT, Command, Watched

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
    "site.workers": "2",
}
MODELS = 2 + 2 * 2 * 2  # source; arms, budgets, members


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


def _after(out: Path, did: Watched) -> State:
    return replace(look(out), asked=list(did.asked), trainings=did.trainings)


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
    study = Command(tmp_path_factory.mktemp("resume"), ("study", "run", str(ROOT / "configs" / "smoke.yaml")), SMALL)
    out = study.out
    return Story(
        out,
        _after(out, study.kill_when(lambda: _labelling(look(out)))),
        _after(out, study.kill_when(lambda: _training(look(out)))),
        _after(out, study.finish()),
        _after(out, study.finish()),
    )


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
