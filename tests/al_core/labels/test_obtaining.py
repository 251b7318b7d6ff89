"""Obtaining one label through the store: computed once, retried where it can help, failures written."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_core.errors import LabelError, StoreError
from al_core.labels.obtaining import finished, obtain_label
from al_core.labels.store import LabelStore
from al_core.storage.hashing import label_key, structure_id
from al_core.types import Label


class FakeLabeler:
    """Raises its outcomes, one a call; then labels."""

    name = "fake"
    by_physics = by_equivalents = True

    def __init__(self, *outcomes: BaseException, unsuitable: str = "", rungs: int = 1) -> None:
        self.outcomes = list(outcomes)
        self.unsuitable = unsuitable
        self.rungs = rungs
        self.tried: list[int] = []

    @property
    def calls(self) -> int:
        return len(self.tried)

    def identity(self) -> dict[str, Any]:
        return {"kind": "fake"}

    def check(self, atoms: Atoms) -> None:
        if self.unsuitable:
            raise LabelError(self.unsuitable)

    def estimate_core_seconds(self, atoms: Atoms) -> float:
        return 0.0

    def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
        self.tried.append(rung)
        (directory / f"call-{self.calls}").touch()
        atoms.positions += 1.0  # a labeler's copy is its own
        if self.outcomes:
            raise self.outcomes.pop(0)
        return Label(-3.0, np.ones((len(atoms), 3)), core_seconds=2.0)


def transient(cost: float = 1.0) -> LabelError:
    return LabelError("killed", transient=True, core_seconds=cost)


def test_a_label_is_computed_once_and_then_found(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    labeler = FakeLabeler()
    first = obtain_label(store, labeler, atoms, tmp_path / "files").entry
    again = obtain_label(
        LabelStore(store.where), FakeLabeler(RuntimeError("computed again")), atoms, tmp_path / "files"
    ).entry
    assert labeler.calls == 1
    assert first.label.energy == again.label.energy == -3.0
    assert (first.key, first.attempts) == (again.key, 1)


def test_the_structure_is_left_unchanged_and_kept_as_it_was(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    before = atoms.copy()
    entry = obtain_label(store, FakeLabeler(), atoms, tmp_path / "files").entry
    assert atoms == before
    assert atoms.calc is None
    assert structure_id(entry.atoms) == structure_id(before)


def test_each_label_has_a_folder_of_its_own(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    entry = obtain_label(store, FakeLabeler(), atoms, tmp_path / "files").entry
    assert (tmp_path / "files" / entry.key / "call-1").exists()


def test_the_same_structure_with_other_settings_is_another_label(
    store: LabelStore, atoms: Atoms, tmp_path: Path
) -> None:
    one, other = FakeLabeler(), FakeLabeler()
    other.identity = lambda: {"kind": "fake", "cutoff_eV": 400}
    keys = {obtain_label(store, labeler, atoms, tmp_path / "files").entry.key for labeler in (one, other)}
    assert len(keys) == 2
    assert (one.calls, other.calls) == (1, 1)


def test_a_transient_failure_is_tried_again_at_once(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    messages: list[str] = []
    labeler = FakeLabeler(transient(5.0))
    entry = obtain_label(store, labeler, atoms, tmp_path / "files", log=messages.append).entry
    assert (entry.state, entry.attempts, entry.core_seconds, entry.label.core_seconds) == ("done", 2, 7.0, 2.0)
    assert messages == [f"label {entry.key}: tried again after: killed"]


def test_what_a_call_paid_is_apart_from_what_the_label_cost(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    paid = obtain_label(store, FakeLabeler(transient(5.0)), atoms, tmp_path / "files")
    assert (paid.attempts, paid.core_seconds, paid.entry.core_seconds) == (2, 7.0, 7.0)
    reused = obtain_label(store, FakeLabeler(), atoms, tmp_path / "files")
    assert (reused.attempts, reused.core_seconds, reused.entry.core_seconds) == (0, 0.0, 7.0)


def test_what_an_earlier_failure_cost_is_not_paid_again(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    failed = obtain_label(store, FakeLabeler(transient(5.0)), atoms, tmp_path / "files", retries=0)
    assert (failed.attempts, failed.core_seconds) == (1, 5.0)
    paid = obtain_label(store, FakeLabeler(), atoms, tmp_path / "files", retries=1)
    assert (paid.attempts, paid.core_seconds, paid.entry.core_seconds) == (1, 2.0, 7.0)


def test_a_failure_that_stays_is_final(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    labeler = FakeLabeler(*(transient() for _ in range(9)))
    for _ in range(3):
        entry = obtain_label(store, labeler, atoms, tmp_path / "files", retries=1).entry
        assert (entry.state, entry.cause, entry.label) == ("failed", "killed", None)
    assert labeler.calls == 2


def test_a_label_that_failed_is_tried_again_once_it_is_released(
    store: LabelStore, atoms: Atoms, tmp_path: Path
) -> None:
    """After a time limit was raised, which no label's key knows of; released again it may fail as often again."""
    labeler = FakeLabeler(*(transient(1.0) for _ in range(4)))
    for calls in (2, 4):
        failed = obtain_label(store, labeler, atoms, tmp_path / "files", retries=1).entry
        assert (failed.state, labeler.calls, failed.attempts) == ("failed", calls, calls)
        store.release(failed.key)
    found = obtain_label(store, labeler, atoms, tmp_path / "files", retries=1)
    assert (found.entry.state, found.attempts, found.entry.core_seconds) == ("done", 1, 6.0)


def test_more_retries_may_be_allowed_later(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    labeler = FakeLabeler(transient(), transient())
    assert obtain_label(store, labeler, atoms, tmp_path / "files", retries=0).entry.state == "failed"
    assert labeler.calls == 1
    assert obtain_label(store, labeler, atoms, tmp_path / "files", retries=2).entry.state == "done"


def test_a_failure_of_the_structure_is_final_at_once(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    labeler = FakeLabeler(LabelError("no convergence", core_seconds=9.0))
    for _ in range(2):
        entry = obtain_label(store, labeler, atoms, tmp_path / "files", retries=5).entry
        assert (entry.state, entry.cause, entry.transient, entry.core_seconds) == (
            "failed",
            "no convergence",
            False,
            9.0,
        )
    assert labeler.calls == 1


def _failed(number: int) -> LabelError:
    return LabelError(f"no convergence {number}", core_seconds=9.0)


def test_of_a_failure_the_next_rung_is_tried(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    messages: list[str] = []
    labeler = FakeLabeler(_failed(1), transient(1.0), _failed(2), rungs=3)
    entry = obtain_label(store, labeler, atoms, tmp_path / "files", log=messages.append).entry
    assert labeler.tried == [0, 1, 1, 2]
    assert (entry.state, entry.rung, entry.attempts, entry.core_seconds) == ("done", 2, 4, 21.0)
    attempts = store.attempts(entry.key)
    assert [one.rung for one in attempts] == [0, 1, 1]
    assert [one.cause for one in attempts] == ["no convergence 1", "killed", "no convergence 2"]
    folder = tmp_path / "files" / entry.key
    assert [one.files for one in attempts] == [str(folder), str(folder / "attempt-2"), str(folder / "attempt-3")]
    assert (folder / "call-1").exists()
    assert (folder / "attempt-3" / "call-3").exists()
    assert "tried again on rung 3 after: no convergence 2" in messages[-1]


def test_when_the_last_rung_failed_the_structure_is_given_up(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    labeler = FakeLabeler(*(_failed(n) for n in range(9)), rungs=3)
    for _ in range(2):
        entry = obtain_label(store, labeler, atoms, tmp_path / "files").entry
        assert (entry.state, entry.cause, entry.core_seconds) == ("failed", "no convergence 2", 27.0)
    assert labeler.tried == [0, 1, 2]


def test_an_unsuitable_structure_costs_nothing(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    labeler = FakeLabeler(unsuitable="not periodic", rungs=3)
    entry = obtain_label(store, labeler, atoms, tmp_path / "files").entry
    assert (entry.state, entry.cause, entry.core_seconds, labeler.calls) == ("failed", "not periodic", 0.0, 0)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_is_not_the_structures_fault_is_raised_and_the_label_computed_later(
    store: LabelStore, atoms: Atoms, tmp_path: Path, error: BaseException
) -> None:
    labeler = FakeLabeler(*[error] * 3)
    for _ in range(3):
        with pytest.raises(type(error)):
            obtain_label(store, labeler, atoms, tmp_path / "files")
        assert [entry.state for entry in store.entries()] == ["failed"]  # not reserved by us for ever
    assert obtain_label(store, labeler, atoms, tmp_path / "files").entry.state == "done"


class Unforeseen(FakeLabeler):
    """Its own check has a bug, once."""

    def check(self, atoms: Atoms) -> None:
        if self.outcomes:
            raise self.outcomes.pop(0)


@pytest.mark.timeout(30)
def test_an_unforeseen_error_of_a_labelers_check_leaves_nothing_reserved(
    any_store: LabelStore, atoms: Atoms, tmp_path: Path
) -> None:
    labeler = Unforeseen(ZeroDivisionError("float division by zero"))
    with pytest.raises(ZeroDivisionError):
        obtain_label(any_store, labeler, atoms, tmp_path / "files")
    (entry,) = any_store.entries()
    assert (entry.state, entry.cause) == ("failed", "ZeroDivisionError: float division by zero")
    assert obtain_label(any_store, labeler, atoms, tmp_path / "files").entry.state == "done"


@pytest.mark.timeout(30)
@pytest.mark.parametrize("names", [("complete",), ("complete", "fail")], ids=["the label", "the failure too"])
def test_a_label_that_could_not_be_written_is_not_waited_for(
    any_store: LabelStore, atoms: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """The disk is full at the moment a label is completed; the same process asks again."""

    def full(*arguments: Any, **columns: Any) -> None:
        raise StoreError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(LabelStore, "_reserved_row" if "fail" in names else "complete", full)
        with pytest.raises(StoreError, match="disk is full"):
            obtain_label(any_store, FakeLabeler(), atoms, tmp_path / "files")
    assert any_store.entries()[0].state == ("running" if "fail" in names else "failed")
    obtained = obtain_label(LabelStore(any_store.where), FakeLabeler(), atoms, tmp_path / "files")
    assert (obtained.entry.state, obtained.attempts) == ("done", 1)


def test_of_two_that_ask_for_a_failed_label_one_computes_and_the_other_waits(
    any_store: LabelStore, atoms: Atoms, tmp_path: Path
) -> None:
    assert obtain_label(any_store, FakeLabeler(transient()), atoms, tmp_path / "files", retries=0).entry.label is None
    both = threading.Barrier(2)
    labelers = [FakeLabeler(), FakeLabeler()]

    def ask(labeler: FakeLabeler) -> float:
        store = LabelStore(any_store.where)
        both.wait()
        return obtain_label(store, labeler, atoms, tmp_path / "files").entry.label.energy

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, labelers)) == [-3.0, -3.0]
    assert sum(labeler.calls for labeler in labelers) == 1


# ---- waiting ---------------------------------------------------------------------------------------------------------


class Stop(BaseException):
    """What ends the waiting."""


def test_waiting_is_reported_and_ends_at_once_when_told_to(
    any_store: LabelStore, atoms: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = label_key(structure_id(atoms), FakeLabeler().identity())
    LabelStore.claim(other := LabelStore(any_store.where), key, atoms, "fake")
    clock = [0.0]
    monkeypatch.setattr("al_core.labels.obtaining.time.monotonic", lambda: clock[0])
    messages: list[str] = []

    def pause(seconds: float) -> None:
        clock[0] += 10.0
        if clock[0] > 700.0:
            raise Stop

    with pytest.raises(Stop):
        obtain_label(any_store, FakeLabeler(), atoms, tmp_path / "files", log=messages.append, pause=pause)
    assert len(messages) == 2, "once after half a minute, then every ten minutes"
    assert messages[0].startswith(f"waiting for 30 s for label {key}, which is being computed by ")
    assert f"process {os.getpid()} on " in messages[0]
    assert f"graft labels release {any_store} {key}" in messages[0]
    assert other.get(key).state == "running"


def test_a_finished_label_is_read_with_its_structure(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    entry = obtain_label(store, FakeLabeler(), atoms, tmp_path / "files").entry
    structure, label = finished(store, entry.key)
    assert structure_id(structure) == structure_id(atoms)
    assert label.energy == -3.0


def test_an_unfinished_label_is_not_read(store: LabelStore, atoms: Atoms, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Lnone is not in"):
        finished(store, "Lnone")
    store.claim("Lrunning", atoms, "fake")
    with pytest.raises(StoreError, match="Lrunning is running"):
        finished(store, "Lrunning")
    entry = obtain_label(store, FakeLabeler(LabelError("no convergence")), atoms, tmp_path / "files").entry
    with pytest.raises(StoreError, match="is failed: no convergence"):
        finished(store, entry.key)


# ---- keys ------------------------------------------------------------------------------------------------------------


def test_the_key_of_a_paid_label_never_changes() -> None:
    atoms = Atoms(
        "Ge2", [[0, 0, 0], [1.415123, 1.415456, 1.4150004]], cell=[[0, 2.83, 2.83], [2.83, 0, 2.83], [2.83, 2.83, 0]]
    )
    atoms.pbc = True
    assert structure_id(atoms) == "321adb24b1b80325"
    assert label_key("0123456789abcdef", {"b": 1.5, "a": ["x", None]}) == "L0123456789abcdef-e1fa7a64086b035f"


def test_a_structure_keeps_its_id_under_what_does_not_matter(atoms: Atoms) -> None:
    same = atoms.copy()
    same.info["note"] = "x"
    same.set_velocities(np.ones((2, 3)))
    same.positions += 4e-7
    same.positions[0] *= -1.0  # -0.0
    assert structure_id(same) == structure_id(atoms)


@pytest.mark.parametrize("change", ["position", "cell", "element", "periodicity", "order"])
def test_a_structure_changes_its_id_with_what_matters(atoms: Atoms, change: str) -> None:
    other = atoms.copy()
    if change == "position":
        other.positions[1, 2] += 2e-6
    elif change == "cell":
        other.cell[0, 1] += 2e-6
    elif change == "element":
        other.symbols[0] = "Si"
    elif change == "periodicity":
        other.pbc[2] = False
    else:
        other = other[[1, 0]]
    assert structure_id(other) != structure_id(atoms)
