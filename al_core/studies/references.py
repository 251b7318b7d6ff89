"""What the properties of a study's models are measured against: made once, and found again by its key.

Labels that a reference is computed of are in the study's label store. Which they are, and what the store had spent on
each before, is written down beside the reference, so that the ledger tells what they cost apart from the training's.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from al_core.evaluation.measured import Measured
from al_core.labels.calculator import LabelCalculator, is_kept
from al_core.labels.store import LabelStore
from al_core.storage.files import write_json
from al_core.storage.hashing import digest
from al_core.studies.keys import ReferenceInputs
from al_core.studies.ledger import REFERENCE, Requests
from al_core.studies.records import reference_record
from al_core.studies.workspace import Workspace
from al_core.types import Labeler


def compute_reference(inputs: ReferenceInputs, labeler: Labeler) -> None:
    """Compute a reference with the labeler it is of, if that is not done yet."""
    from al_core.evaluation.material import Material
    from al_core.evaluation.properties import METHODS

    workspace = Workspace(inputs.out)
    file = workspace.reference(inputs.key)
    if reference_record(file) is not None:
        return
    material = Material(inputs.material, LabelCalculator(labeler), inputs.crystal or None)
    if is_kept(labeler, material.expected):
        requests, store = Requests(workspace, asked_for(file)), LabelStore(workspace.store)
        material.potential = LabelCalculator(
            labeler, store, workspace.label_files, asked=lambda key: requests.ask([key], REFERENCE)
        )
    write_json(file, METHODS[inputs.evaluation.kind](material, inputs.evaluation).as_dict())


def keep_reference(out: Path, measured: Measured) -> str:
    """Keep a reference that was read from a file in a study's folder and return its key."""
    key = digest(measured.as_dict())
    write_json(Workspace(out).reference(key), measured.as_dict())
    return key


def asked_for(reference: Path) -> Path:
    """Return the file that says which labels a reference asked for."""
    return reference.with_suffix(".labels.json")


def spent_on_references(workspace: Workspace, keys: Iterable[str]) -> dict[str, Any]:
    """Return how many labels some references are computed of, and the core-seconds this study paid, for the ledger."""
    labels: dict[str, float] = {}
    for key in keys:
        requests = Requests(workspace, asked_for(workspace.reference(key)))
        for entry in requests.of_all_runs():  # one that several references ask for was paid by the first
            labels[entry.key] = max(labels.get(entry.key, 0.0), requests.paid(entry))
    return {"reference_labels": len(labels), "reference_core_seconds": sum(labels.values())}
