"""The committee of one cell: trained once, and found again by its model key."""

import contextlib
import os
import shutil
import time
import uuid
from typing import Any

from ase import Atoms

from al_core.errors import TrainingError
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.arms import ARMS
from al_core.models.bundle import Bundle, load_bundle, save_bundle
from al_core.models.committee import committee_folders
from al_core.models.engine.stack import pick_device
from al_core.models.training.loss import Labelled
from al_core.models.training.train import train
from al_core.storage.files import write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.keys import ModelInputs
from al_core.studies.lookup import trained
from al_core.studies.records import model_record
from al_core.studies.workspace import Workspace

_LEFT_OVER_S = 3600.0  # nobody writes a committee for so long


def train_committee(inputs: ModelInputs) -> str:
    """Train a committee, if it is not trained yet; return '' or why it failed.

    The folder of the committee appears whole, with its record, so that a kill leaves all of it or nothing. A training
    that failed has a record too: the same inputs would fail again.
    """
    if (known := trained(inputs)) is not None:
        return known.failure
    workspace, begin = Workspace(inputs.out), time.process_time()
    labelled = _labelled(workspace, inputs.labels)
    starts: list[Bundle] = []
    members: dict[int, Bundle] = {}
    failure = ""
    try:
        starts = _starts(inputs, labelled)
        found = train(
            starts,
            labelled,
            inputs.arm.training(inputs.training),
            inputs.arm.learning_rate,
            inputs.seed,
            pick_device(inputs.device),
            tuning=inputs.arm.tuning,
            unlabelled=_unlabelled(inputs, labelled),
        )
        members = {number: bundle for number, bundle in enumerate(found) if bundle is not None}
    except TrainingError as error:
        failure = str(error)
    in_training = sum(float(bundle.info["training"]["core_seconds"]) for bundle in members.values())
    record = {
        "arm": inputs.arm.settings(),
        "seed": inputs.seed,
        "labels": sorted(inputs.labels),
        "rescaling": starts[0].info.get("rescaling") if starts else None,
        "members": sorted(members),
        "diverged_members": len(starts) - len(members),
        "core_seconds": max(in_training, time.process_time() - begin),
        "failure": failure,
    }
    _save(members, record, workspace, inputs.key)
    return failure


def load_committee(inputs: ModelInputs) -> list[Bundle]:
    """Return a trained committee; without labels, the one that the arm starts with."""
    if not inputs.labels:
        return _starts(inputs, [])
    return [load_bundle(folder) for folder in committee_folders(Workspace(inputs.out).models(inputs.key))]


def _starts(inputs: ModelInputs, labelled: list[Labelled]) -> list[Bundle]:
    source = [load_bundle(folder) for folder in inputs.source]
    pool = read_structures(Workspace(inputs.out).pool) if inputs.arm.start_reads_pool else []
    return ARMS[inputs.arm.kind](source, labelled, inputs.target, inputs.seed, pick_device(inputs.device), pool)


def _save(members: dict[int, Bundle], record: dict[str, Any], workspace: Workspace, key: str) -> None:
    folder = workspace.models(key)
    temporary = folder.with_name(f".tmp-{key}-{uuid.uuid4().hex}")  # a process of a run before may train the same
    for number, bundle in members.items():
        save_bundle(bundle, temporary / f"member-{number}")
    write_json(temporary / "training.json", record)
    if model_record(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)  # with files missing
        try:
            os.replace(temporary, folder)
        except OSError:
            if model_record(folder) is None:  # else the other process was faster
                raise
    for leftover in folder.parent.glob(f".tmp-{key}-*"):  # of this process, or of one that was killed
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            if leftover == temporary or time.time() - leftover.stat().st_mtime > _LEFT_OVER_S:
                shutil.rmtree(leftover)


def _unlabelled(inputs: ModelInputs, labelled: list[Labelled]) -> list[Atoms]:
    """Return the structures of the pool that are not among the labelled ones, if the tuning reads them."""
    if not inputs.arm.tuning.reads_pool:
        return []
    known = {structure_id(atoms) for atoms, _ in labelled}
    return [atoms for atoms in read_structures(Workspace(inputs.out).pool) if structure_id(atoms) not in known]


def _labelled(workspace: Workspace, keys: tuple[str, ...]) -> list[Labelled]:
    store = LabelStore(workspace.store)
    return [finished(store, key) for key in sorted(keys)]
