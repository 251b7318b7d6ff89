"""Obtaining one label through the store: look it up, else reserve it, compute it and keep what came of it."""

import time
from collections.abc import Callable
from pathlib import Path

from ase import Atoms

from al_core.errors import LabelError, StoreError
from al_core.hashing import label_key, structure_id
from al_core.store import Entry, LabelStore
from al_core.types import Label, Labeler

_POLL_SECONDS = 0.3


def obtain_label(
    store: LabelStore,
    labeler: Labeler,
    atoms: Atoms,
    files: Path,
    retries: int = 1,
    log: Callable[[str], None] = lambda message: None,
) -> Entry:
    """Return the finished (or finally failed) entry of one structure; compute it only if nobody has yet.

    A calculation that fails for a transient reason is tried again up to ``retries`` times, now or by a later call;
    any other failure is final. A label being computed by a living process is waited for. An error that is not a
    :class:`~al_core.errors.LabelError` is raised, and the label is computed by the next call.

    Args:
        store: where labels are kept.
        labeler: computes the label if it is not in the store.
        atoms: the structure; left unchanged.
        files: folder under which each label gets a folder of its own for its outputs.
        retries: how often a transient failure is tried again.
        log: told what happens, one line each.
    """
    key = label_key(structure_id(atoms), labeler.identity())
    while True:
        state, entry = store.claim(key, atoms, labeler.name)
        if entry is not None and state == "busy":
            time.sleep(_POLL_SECONDS)
            continue
        if entry is not None and state == "done":
            return entry
        if entry is not None:
            if not entry.transient or entry.attempts > retries:
                return entry
            store.reopen(key)
            log(f"label {key}: tried again after: {entry.cause}")
        _compute(store, labeler, atoms, key, files / key)


def _compute(store: LabelStore, labeler: Labeler, atoms: Atoms, key: str, directory: Path) -> None:
    start = time.process_time()
    try:
        labeler.check(atoms)
        directory.mkdir(parents=True, exist_ok=True)
        label = labeler.label(atoms.copy(), directory)
    except LabelError as error:
        store.fail(key, str(error), error.core_seconds, transient=error.transient, files=str(directory))
        return
    except BaseException as error:
        # An unforeseen error (Ctrl-C, a full disk) must not leave the row reserved by a living process. It says nothing
        # of the structure: once it is mended, the same command computes the label.
        spent = time.process_time() - start
        cause = f"{type(error).__name__}: {error}"
        store.fail(key, cause, spent, transient=True, files=str(directory), counts=False)
        raise
    store.complete(key, label)


def finished(store: LabelStore, key: str) -> tuple[Atoms, Label]:
    """Return structure and label of a finished entry.

    Raises:
        StoreError: the label was never made, is being made, or failed.
    """
    entry = store.get(key)
    if entry is None:
        raise StoreError(f"label {key} is not in {store.path}")
    if entry.label is None:
        raise StoreError(f"label {key} is {entry.state}: {entry.cause}")
    return entry.atoms, entry.label
