"""The label store: reserved before computed, computed once, released by hand."""

import os
import socket
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.db import connect

from al_core.errors import StoreError
from al_core.labels.store import Attempt, Entry, LabelStore
from al_core.storage.hashing import structure_id
from al_core.types import Label

KEY = "Lkey"
LABEL = Label(-1.5, np.zeros((2, 3)), None, 2.0, {"by": "hand"})


@pytest.fixture
def store(any_store: LabelStore) -> LabelStore:
    """Every test of a store is one of both kinds."""
    return any_store


def test_an_unknown_label_is_reserved_for_who_asks_first(store: LabelStore, atoms: Atoms) -> None:
    assert store.get(KEY) is None
    assert store.claim(KEY, atoms, "sw")[0] == "yours"
    state, entry = store.claim(KEY, atoms, "sw")
    assert state == "busy"
    assert (entry.state, entry.structure, entry.labeler, entry.attempts) == ("running", structure_id(atoms), "sw", 1)
    assert entry.label is None


def test_a_finished_label_is_found_bit_for_bit(store: LabelStore, atoms: Atoms) -> None:
    rng = np.random.default_rng(0)
    label = Label(rng.normal() * 1e3, rng.normal(size=(2, 3)), rng.normal(size=6), 1 / 3, {"a": [1, {"b": None}]})
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, label)
    state, entry = LabelStore(store.where).claim(KEY, atoms, "sw")
    assert state == "done"
    assert entry.label.energy == label.energy
    np.testing.assert_array_equal(entry.label.forces, label.forces)
    np.testing.assert_array_equal(entry.label.stress, label.stress)
    assert (entry.label.core_seconds, entry.label.provenance) == (label.core_seconds, label.provenance)
    assert structure_id(entry.atoms) == structure_id(atoms)


def test_a_label_without_stress_comes_back_without_stress(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    assert store.get(KEY).label.stress is None


def test_the_labels_are_an_ordinary_ase_data_base(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    with connect(store.where) as db:
        row = db.get(state="done", labeler="sw")
    assert row.energy == LABEL.energy
    assert row.toatoms().get_potential_energy() == LABEL.energy


def _attempt(cause: str, *, transient: bool = True, files: str = "", rung: int = 0) -> Attempt:
    return Attempt(rung, cause, transient, True, 12.5, files)


def test_every_failed_attempt_is_a_row(store: LabelStore, atoms: Atoms) -> None:
    attempts = [
        _attempt("killed", files="labels/x"),
        _attempt("no convergence", transient=False, files="labels/x/attempt-2", rung=1),
    ]
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, attempts[0])
    assert store.claim(KEY, atoms, "sw", next_rung=lambda failed, before: 1)[0] == "yours"
    store.fail(KEY, attempts[1])
    assert LabelStore(store.where).attempts(KEY) == attempts
    assert (store.get(KEY).rung, store.get(KEY).attempts, store.get(KEY).core_seconds) == (1, 2, 25.0)
    assert [entry.key for entry in store.entries()] == [KEY], "attempts are not labels"
    with connect(store.where) as db:
        rows = list(db.select(attempt_of=KEY))
    assert [(row.data["cause"], row.core_seconds) for row in rows] == [("killed", 12.5), ("no convergence", 12.5)]
    assert all(structure_id(row.toatoms()) == structure_id(atoms) for row in rows)


def test_a_failure_is_kept_with_cause_cost_and_files(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, _attempt("no convergence", transient=False, files="labels/x"))
    state, entry = store.claim(KEY, atoms, "sw")
    assert state == "failed"
    assert (entry.cause, entry.core_seconds, entry.transient, entry.label) == ("no convergence", 12.5, False, None)
    with connect(store.where) as db:
        assert db.get(label_key=KEY).data["files"] == "labels/x"


def test_the_cost_of_failures_stays_counted(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, _attempt("killed"))
    assert store.claim(KEY, atoms, "sw", next_rung=lambda failed, before: 0)[0] == "yours"
    store.complete(KEY, LABEL)
    entry = store.get(KEY)
    assert (entry.attempts, entry.core_seconds, entry.label.core_seconds) == (2, 14.5, 2.0)


def test_only_a_failed_label_is_tried_again(store: LabelStore, atoms: Atoms) -> None:
    def asked(failed: Entry, before: list[Attempt]) -> int:
        raise AssertionError("this label has not failed")

    assert store.claim(KEY, atoms, "sw", next_rung=asked)[0] == "yours"
    assert store.claim(KEY, atoms, "sw", next_rung=asked)[0] == "busy"
    store.complete(KEY, LABEL)
    assert store.claim(KEY, atoms, "sw", next_rung=asked)[0] == "done"


def test_a_failure_is_tried_again_in_the_transaction_that_finds_it(store: LabelStore, atoms: Atoms) -> None:
    """Two that find one failed label: the first computes it, the second waits."""
    store.claim(KEY, atoms, "sw")
    store.fail(KEY, _attempt("killed"))
    seen: list[list[Attempt]] = []

    def again(failed: Entry, before: list[Attempt]) -> int:
        seen.append(before)
        return failed.rung

    state, entry = store.claim(KEY, atoms, "sw", next_rung=again)
    assert (state, entry.state, entry.cause, seen) == ("yours", "running", "killed", [[_attempt("killed")]])
    assert LabelStore(store.where).claim(KEY, atoms, "sw", next_rung=again)[0] == "busy"


def test_only_a_reserved_label_is_finished(store: LabelStore, atoms: Atoms) -> None:
    with pytest.raises(StoreError, match="not reserved by this process"):
        store.complete(KEY, LABEL)
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    with pytest.raises(StoreError, match="not reserved by this process"):
        store.fail(KEY, _attempt("too late"))
    assert store.get(KEY).state == "done"


def test_entries_come_oldest_first(store: LabelStore, atoms: Atoms) -> None:
    for key in ("Lb", "La", "Lc"):
        store.claim(key, atoms, "sw")
    store.complete("Lb", LABEL)
    assert [entry.key for entry in store.entries()] == ["Lb", "La", "Lc"]


def test_a_reservation_is_released_by_hand(store: LabelStore, atoms: Atoms) -> None:
    store.claim(KEY, atoms, "sw")
    ((entry, held),) = store.reservations()
    assert (entry.key, held) == (KEY, True)
    assert f"process {os.getpid()} on {socket.gethostname()}" in entry.owner
    other = LabelStore(store.where)
    other.release(KEY)
    assert (other.get(KEY).state, other.get(KEY).transient, other.reservations()) == ("failed", True, [])
    assert [(one.cause, one.counts) for one in other.attempts(KEY)] == [("it was released", False)]
    assert other.claim(KEY, atoms, "sw", next_rung=lambda failed, before: failed.rung)[0] == "yours"


def _taken_over(store: LabelStore, atoms: Atoms) -> LabelStore:
    """Reserve a label; return another store that took it over, for all it knew."""
    store.claim(KEY, atoms, "sw")
    other = LabelStore(store.where)
    other.release(KEY)
    assert other.claim(KEY, atoms, "sw", next_rung=lambda failed, before: failed.rung)[0] == "yours"
    return other


def test_who_was_taken_for_dead_finishes_all_the_same(store: LabelStore, atoms: Atoms) -> None:
    other = _taken_over(store, atoms)
    assert store.complete(KEY, LABEL).state == "done"
    late = other.complete(KEY, replace(LABEL, energy=-9.0, core_seconds=5.0))
    assert late.label.energy == LABEL.energy, "who was first decides"
    assert store.get(KEY).core_seconds == LABEL.core_seconds + 5.0, "both were paid"


def test_a_failure_of_who_was_taken_for_dead_ends_nothing(store: LabelStore, atoms: Atoms) -> None:
    other = _taken_over(store, atoms)
    store.fail(KEY, _attempt("too late"))
    assert store.get(KEY).state == "running"
    assert store.attempts(KEY)[-1] == _attempt("too late")
    other.complete(KEY, LABEL)
    assert store.get(KEY).core_seconds == LABEL.core_seconds + _attempt("too late").core_seconds


def test_only_a_running_or_failed_label_is_released(store: LabelStore, atoms: Atoms) -> None:
    with pytest.raises(StoreError, match="neither running nor failed"):
        store.release(KEY)
    store.claim(KEY, atoms, "sw")
    store.complete(KEY, LABEL)
    with pytest.raises(StoreError, match="neither running nor failed"):
        store.release(KEY)
    assert store.get(KEY).state == "done"


def test_a_store_of_another_version_is_refused(store: LabelStore) -> None:
    with connect(store.where) as db:
        db.metadata = {"graft_store_version": 0}
    with pytest.raises(StoreError, match="has version 0, this Graft reads version 1"):
        LabelStore(store.where)
