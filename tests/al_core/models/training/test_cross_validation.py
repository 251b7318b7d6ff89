"""Choosing a tuning by cross-validation on the labels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_core.config.training import AnchoredTuning, PlainTuning, SelectedTuning, Training
from al_core.models.arms import ARMS
from al_core.models.prediction import predict
from al_core.models.training.train import train
from al_core.models.training.tuning import fit
from tests.helpers import moved

STEPS = Training(steps=25, batch_size=4)


@pytest.fixture(scope="module", name="source")
def transferred(source: Any, ge_labelled: Any, cpu: Any) -> Any:
    """The source committee as one of germanium, with its atomic energy."""
    return ARMS["transfer"](source, ge_labelled, "Ge", 0, cpu)


SELECTED = SelectedTuning(candidates=(AnchoredTuning(strength=1e5), PlainTuning()), labels_needed=3)


def test_the_best_candidate_on_held_out_labels_is_taken(source: Any, ge_labelled: Any, cpu: Any) -> None:
    tuned = train(source, ge_labelled, STEPS, 0.01, 0, cpu, tuning=SELECTED)[0]
    assert tuned is not None
    record = tuned.info["selection"]
    held, free = (one["held_out_force_mae_meV_per_A"] for one in record["candidates"])
    assert free < held <= 1.05 * record["start_held_out_force_mae_meV_per_A"]
    assert tuned.info["training"]["tuning"] == PlainTuning().model_dump()


def test_the_start_is_kept_where_no_candidate_does_better(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """Labels that contradict each other: what is learned from some is wrong for the others."""
    start = predict(source, [atoms for atoms, _ in ge_labelled], cpu).forces
    rng = np.random.default_rng(0)
    noise = [
        (atoms, replace(label, forces=forces.mean(0) + rng.normal(0, 2.0, label.forces.shape)))
        for (atoms, label), forces in zip(ge_labelled, start, strict=True)
    ]
    tuning = SelectedTuning(candidates=(PlainTuning(),))
    tuned = train(source, noise, STEPS.model_copy(update={"steps": 100}), 0.03, 0, cpu, tuning=tuning)
    assert all(bundle is not None and bundle.info["training"]["steps"] == 0 for bundle in tuned)
    assert max(moved(source[0], tuned[0]).values()) == 0  # type: ignore[arg-type]


def test_a_label_is_judged_by_a_member_that_has_not_seen_it(
    source: Any, ge_labelled: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spy(models: Any, task: Any, tuning: Any, weights: Any = None, progress: Any = lambda done: None) -> Any:
        seen.append(weights)
        return fit(models, task, tuning, weights, progress)

    for module in ("train", "cross_validation"):
        monkeypatch.setattr(f"al_core.models.training.{module}.fit", spy)
    train(source, ge_labelled, STEPS.model_copy(update={"steps": 1}), 0.01, 0, cpu, tuning=SELECTED)
    assert seen.pop() is None, "what was chosen learns from all labels"
    for weights in seen:
        assert weights.shape == (2, 5)
        assert (weights.sum(0) == 1).all(), "each label is left out by one of the two members"
        assert set(np.unique(weights)) == {0.0, 1.0}


def test_with_few_labels_the_first_candidate_is_taken_untried(source: Any, ge_labelled: Any, cpu: Any) -> None:
    tuned = train(source, ge_labelled[:2], STEPS, 0.01, 0, cpu, tuning=SELECTED)[0]
    assert tuned is not None
    assert tuned.info["training"]["tuning"]["kind"] == "anchored"
    assert "selection" not in tuned.info


def test_a_shorter_descent_is_taken_where_it_does_better(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """A learning rate that ruins a model in the long run does less harm in one step."""
    tuning = SelectedTuning(candidates=(PlainTuning(),), lengths=(0.02, 1.0))
    tuned = train(source, ge_labelled, STEPS.model_copy(update={"steps": 50}), 0.01, 0, cpu, tuning=tuning)[0]
    assert tuned is not None
    tried = tuned.info["selection"]["candidates"]
    assert [one["length"] for one in tried] == [0.02, 1.0]
    errors = [tuned.info["selection"]["start_held_out_force_mae_meV_per_A"]]
    errors += [one["held_out_force_mae_meV_per_A"] for one in tried]
    assert tuned.info["training"]["steps"] == [0, 1, 50][int(np.argmin(errors))]
