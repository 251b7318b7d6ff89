"""What a study asked for and paid, whatever else its store holds."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from al_core.labels.store import Attempt, LabelStore
from al_core.storage.files import write_json
from al_core.studies.ledger import TEST, Requests, ledger
from al_core.studies.workspace import Workspace
from al_core.types import Label

Compute = Callable[..., None]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "out")
    workspace.out.mkdir()
    for key, seconds in (("m1", 5.0), ("m2", 7.0)):
        record = {"labels": [], "members": [], "core_seconds": seconds, "failure": ""}
        write_json(workspace.models(key) / "training.json", record)
    return workspace


@pytest.fixture
def compute(workspace: Workspace) -> Compute:
    """Compute a label of 10 core-seconds, or fail after 4."""
    store = LabelStore(workspace.store)

    def one(key: str, fails: bool = False) -> None:
        atoms = Atoms("Ge", [[0.0, 0.0, float(len(store.entries()))]], cell=[5, 5, 5], pbc=True)
        store.claim(key, atoms, "fake")
        if fails:
            store.fail(key, Attempt(0, "did not converge", False, True, 4.0, ""))
        else:
            store.complete(key, Label(-1.0, np.zeros((1, 3)), core_seconds=10.0))

    return one


def test_only_what_the_study_asked_for_counts(workspace: Workspace, compute: Compute) -> None:
    """The store holds five labels: one is reused, one is new, three are of others."""
    for key in ("old", "other1", "other2", "other3"):
        compute(key)
    requests = Requests(workspace)
    requests.ask(["old", "new"], 1)
    compute("new")
    spent = ledger(workspace, requests, {1: ["m1"]}, {})
    assert (spent["labels_asked"], spent["labels_done"], spent["labels_reused"], spent["store_labels"]) == (2, 2, 1, 5)
    assert spent["label_core_seconds"] == pytest.approx(10.0), "the label that was there is not paid for again"
    json.dumps(spent, allow_nan=False)


def test_budgets_failures_and_the_test_set_are_counted_apart(workspace: Workspace, compute: Compute) -> None:
    requests = Requests(workspace)
    for keys, budget in ((["t"], TEST), (["a"], 1), (["a", "b", "f"], 2)):
        requests.ask(keys, budget)
    for key in ("t", "a", "b"):
        compute(key)
    compute("f", fails=True)
    spent = ledger(workspace, requests, {1: ["m1", "m1"], 2: ["m2", ""]}, {})
    assert (spent["labels_done"], spent["labels_failed"], spent["test_labels"]) == (3, 1, 1)
    assert spent["label_core_seconds"] == pytest.approx(34.0)
    assert spent["failed_core_seconds"] == pytest.approx(4.0)
    assert [failure["cause"] for failure in spent["failures"]] == ["did not converge"]
    assert [(one["budget"], one["labels"], one["label_core_seconds"]) for one in spent["per_budget"]] == [
        (1, 1, pytest.approx(10.0)),
        (2, 2, pytest.approx(24.0)),
    ]
    assert [one["training_core_seconds"] for one in spent["per_budget"]] == [5.0, 12.0]


def test_a_label_that_training_refuses_is_paid_and_has_failed(workspace: Workspace, compute: Compute) -> None:
    requests = Requests(workspace)
    requests.ask(["a", "b"], 1)
    compute("a")
    compute("b")
    spent = ledger(workspace, requests, {1: []}, {"b": "a force of 60 eV/Å"})
    assert (spent["labels_done"], spent["labels_failed"], spent["per_budget"][0]["labels"]) == (1, 1, 1)
    assert (spent["label_core_seconds"], spent["failed_core_seconds"]) == (pytest.approx(20.0), pytest.approx(10.0))
    assert [failure["cause"] for failure in spent["failures"]] == ["a force of 60 eV/Å"]


def test_a_label_that_another_study_computed_meanwhile_is_not_paid_by_this_one(
    workspace: Workspace, compute: Compute
) -> None:
    requests = Requests(workspace)
    requests.ask(["a", "b"], 1)
    compute("a")
    compute("b")  # by another study, while this one waited for it
    requests.write_down(["b"])
    spent = ledger(workspace, requests, {}, {})
    assert (spent["labels_done"], spent["labels_reused"], spent["label_core_seconds"]) == (2, 1, pytest.approx(10.0))


def test_what_was_paid_before_a_kill_stays_paid(workspace: Workspace, compute: Compute) -> None:
    Requests(workspace).ask(["a"], 1)
    compute("a")  # and then the study is killed
    again = Requests(workspace)
    assert again.ask(["a"], 1) == [], "it was asked for before the kill"
    spent = ledger(workspace, again, {}, {})
    assert (spent["labels_reused"], spent["label_core_seconds"]) == (0, pytest.approx(10.0))
