"""Studies of earlier versions: their models are adopted under today's keys, their selections are read.

Until schema 13 a cell was trained and evaluated in one, under one key that had the test set in it. Its committee is in
``models/<cell key>``, its errors in ``cells/<cell key>.json``, and a selection in ``choices/<key>.json``. Schemas
14 to 18 have today's folders and other model keys.
"""

import os

from al_core.models.card import read_card
from al_core.storage.files import write_json
from al_core.storage.hashing import digest, file_sha256
from al_core.studies.keys import ModelInputs, SelectionInputs
from al_core.studies.records import has_members, model_record, read_record, read_whole
from al_core.studies.workspace import Workspace

_SCHEMA = 13
_EARLIER_MODELS = (18, 17, 16, 15, 14)  # schemas; what they trained without the pool would be trained to the same today


def cell_key(inputs: ModelInputs) -> str:
    """Return the key that the cell of a committee had on the test set that is there now."""
    test = file_sha256(Workspace(inputs.out).test)
    return digest({"schema": _SCHEMA, "test": test, **inputs.content()})


def adopt_committee(inputs: ModelInputs) -> bool:
    """Move a committee that an earlier version trained on the same inputs to today's key; return whether there is one.

    What would come out otherwise today is left: models shaped by the pool, and members of schema 13 that drew their own
    labels (``bootstrap``).
    """
    if inputs.reads_pool or Workspace(inputs.out).models(inputs.key).exists():
        return False
    return _adopt_model(inputs) or _adopt_cell(inputs)


def _adopt_model(inputs: ModelInputs) -> bool:
    """Adopt what a schema trained whose models have today's records and another key."""
    workspace = Workspace(inputs.out)
    for schema in _EARLIER_MODELS:
        folder = workspace.models(digest({"schema": schema, **inputs.content()}))
        if model_record(folder) is not None:
            os.replace(folder, workspace.models(inputs.key))
            return True
    return False


def _adopt_cell(inputs: ModelInputs) -> bool:
    """Adopt what schema 13 trained, and write the record of training that it lacks."""
    workspace = Workspace(inputs.out)
    if inputs.training.bootstrap or not workspace.test.exists():
        return False
    key = cell_key(inputs)
    folder = workspace.models(key)
    diverged = read_whole(folder / "diverged.json") or []
    members = [number for number in range(len(inputs.source)) if number not in diverged]
    if not has_members(folder, members):
        return False
    cards = [read_card(folder / f"member-{number}") for number in members]
    cell = read_record(workspace.earlier_cell(key), "core_seconds") or {}
    record = {
        "arm": inputs.arm.settings(),
        "seed": inputs.seed,
        "labels": sorted(inputs.labels),
        "rescaling": cards[0].get("rescaling"),
        "members": members,
        "diverged_members": len(diverged),
        "core_seconds": cell.get("core_seconds", sum(card["training"]["core_seconds"] for card in cards)),
        "failure": "",
    }
    write_json(folder / "training.json", record)
    os.replace(folder, workspace.models(inputs.key))
    return True


def earlier_selection(inputs: SelectionInputs) -> tuple[str, ...] | None:
    """Return what an earlier version selected for the same inputs, or None."""
    workspace = Workspace(inputs.out)
    if not workspace.test.exists():
        return None
    asked = cell_key(inputs.committee) if inputs.committee else ""
    key = digest([inputs.acquisition.kind, inputs.seed, list(inputs.candidates), inputs.k, asked])
    chosen = read_whole(workspace.out / "choices" / f"{key}.json")
    return tuple(chosen) if chosen else None
