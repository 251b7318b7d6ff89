"""Obtaining one label through the store: look it up, else reserve it, compute it and write what came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ase import Atoms

from al_core.errors import LabelError, StoreError
from al_core.labels.rows import RELEASED
from al_core.labels.store import Attempt, Entry, LabelStore
from al_core.storage.hashing import label_key, structure_id
from al_core.types import Label, Labeler

_POLL_SECONDS = 0.3
_REPORT_AFTER_S, _REPORT_EVERY_S = 30.0, 600.0


@dataclass(frozen=True)
class Obtained:
    """A label as one call got it, for the ledger of the study that asked.

    Attributes:
        entry: of the store, finished or finally failed.
        attempts: calculations of this call; 0 if the label, or its failure, was there already.
        core_seconds: what these cost. ``entry.core_seconds`` is what the label has cost altogether, whoever paid.
    """

    entry: Entry
    attempts: int
    core_seconds: float


def obtain_label(
    store: LabelStore,
    labeler: Labeler,
    atoms: Atoms,
    files: Path,
    retries: int = 1,
    exactly: bool = False,
    log: Callable[[str], None] = lambda message: None,
    pause: Callable[[float], None] = time.sleep,
) -> Obtained:
    """Return the finished (or finally failed) label of one structure; compute it only if nobody has yet.

    A calculation that fails for a transient reason is tried again up to ``retries`` times, now or by a later call. Of
    any other failure the labeler's next rung is tried, and the last rung's is final. A label that another process
    computes is waited for. An error that is not a :class:`~al_core.errors.LabelError` is raised, and the label is
    computed by the next call. Every attempt that failed is a row of the store.

    The label of an equivalent structure serves, turned; see :mod:`al_core.structures.equivalence`.

    Args:
        store: the label store.
        labeler: computes the label if it is not in the store.
        atoms: the structure; left unchanged.
        files: folder under which each label gets a folder of its own for its outputs; attempts after the first get one
            in it, ``attempt-2``, and so on.
        retries: how often a transient failure is tried again.
        exactly: whether labels of equivalent structures do not serve: these may lie 1e-4 Å apart, which is as far as
            the last steps of a relaxation.
        log: gets a line for each new attempt, and now and then while another process is waited for.
        pause: waits some seconds between two looks at a label that another process computes; what it raises ends the
            waiting.
    """
    key = label_key(structure_id(atoms), labeler.identity())

    def next_rung(failed: Entry, before: list[Attempt]) -> int | None:
        return _next_rung(failed, before, labeler.rungs, retries)

    attempts, spent, equivalent = 0, 0.0, labeler.by_equivalents and not exactly
    begin, reported = time.monotonic(), _REPORT_AFTER_S - _REPORT_EVERY_S
    while True:
        state, entry = store.claim(key, atoms, labeler.name, use_equivalent=equivalent, next_rung=next_rung)
        if state == "busy":
            waited = time.monotonic() - begin
            if waited - reported >= _REPORT_EVERY_S:
                reported = waited
                log(_waiting(store, entry, waited))
            pause(_POLL_SECONDS)
        elif state == "yours":
            done, core_seconds = _compute(store, labeler, atoms, entry, files / key, log)
            attempts, spent = attempts + 1, spent + core_seconds
            if done:
                return Obtained(done, attempts, spent)
            begin, reported = time.monotonic(), _REPORT_AFTER_S - _REPORT_EVERY_S
        else:
            return Obtained(entry, attempts, spent)


def _waiting(store: LabelStore, entry: Entry, seconds: float) -> str:
    return (
        f"waiting for {seconds:.0f} s for label {entry.key}, which is being computed by {entry.owner}; if that is not "
        f"so any more: graft labels release {store} {entry.key}"
    )


def _next_rung(entry: Entry, before: list[Attempt], rungs: int, retries: int) -> int | None:
    """Return the rung to try a failed label next, or None if its failure is final.

    Attempts before a release (``graft labels release``) are past.
    """
    for number, one in enumerate(before):
        if one.cause == RELEASED:
            return _next_rung(entry, before[number + 1 :], rungs, retries)
    if before and before[-1].final:
        return None
    if entry.transient:
        return entry.rung if sum(one.transient and one.counts for one in before) <= retries else None
    return entry.rung + 1 if entry.rung + 1 < rungs else None


def _compute(
    store: LabelStore, labeler: Labeler, atoms: Atoms, entry: Entry, directory: Path, log: Callable[[str], None]
) -> tuple[Entry | None, float]:
    """Compute a reserved label, or write why it failed; return it if it is finished, and the core-seconds it took."""
    key, rung = entry.key, entry.rung
    with store.reserved(key, rung, directory):
        if entry.cause:
            before = len(store.attempts(key))
            directory = directory / f"attempt-{before + 1}"
            log(f"label {key}: tried again{f' on rung {rung + 1}' if rung else ''} after: {entry.cause}")
        try:
            labeler.check(atoms)
        except LabelError as error:
            store.fail(key, Attempt(rung, str(error), error.transient, True, error.core_seconds, "", final=True))
            return None, error.core_seconds
        try:
            directory.mkdir(parents=True, exist_ok=True)
            label = labeler.label(atoms.copy(), directory, rung)
        except LabelError as error:
            cost, files = error.core_seconds, str(directory)
            store.fail(key, Attempt(rung, str(error), error.transient, True, cost, files, error.final))
            return None, error.core_seconds
        told = {"labeler": labeler.identity(), **label.provenance}
        return store.complete(key, replace(label, provenance=told)), label.core_seconds


def finished(store: LabelStore, key: str) -> tuple[Atoms, Label]:
    """Return structure and label of a finished entry.

    Raises:
        StoreError: the label was never made, is being made, or failed.
    """
    entry = store.get(key)
    if entry is None:
        raise StoreError(f"label {key} is not in {store}")
    if entry.label is None:
        raise StoreError(f"label {key} is {entry.state}: {entry.cause}")
    return entry.atoms, entry.label
