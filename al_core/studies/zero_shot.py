"""Potentials that are measured on the test set as they are: evaluated once, and found again by their key.

Such a potential is any labeler, a foundation model for instance. It gets no label of the study but for one number: as
every code counts energies from a zero of its own, one constant per atom of each element is fitted to the test set and
taken off before energies are compared. Forces and stress are compared as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from al_core.errors import LabelError
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.storage.files import write_json
from al_core.storage.hashing import digest
from al_core.structures.datasets import LabelKeys, labelled_structures
from al_core.studies.records import zero_shot_record
from al_core.studies.workspace import Workspace
from al_core.types import Label, Labeler

_SCHEMA = 1  # raised whenever the same inputs would give another result
_SPREAD = "force_deviation_meV_per_A"  # of the members, and there is one


@dataclass(frozen=True)
class ZeroShotInputs:
    """Everything that shapes the errors of a potential as it is.

    Attributes:
        out: the study's folder.
        labeler: identity of the potential.
        test_hash: content of the labelled test set.
    """

    out: Path
    labeler: Mapping[str, Any]
    test_hash: str

    @property
    def key(self) -> str:
        """The key of the evaluation."""
        return digest(["zero shot", _SCHEMA, dict(self.labeler), self.test_hash])


def evaluate_zero_shot(inputs: ZeroShotInputs, labeler: Labeler) -> None:
    """Measure a potential on the labelled test set, if that is not done yet; its predictions are kept in a label store.

    Raises:
        LabelError: it fails for a structure of the test set.
    """
    from al_core.evaluation.errors import member_force_maes, slice_errors
    from al_core.models.engine.stack import composition
    from al_core.models.prediction import Predictions

    workspace = Workspace(inputs.out)
    file = workspace.evaluation(inputs.key)
    if zero_shot_record(file) is not None:
        return
    store, test = LabelStore(workspace.zero_shot_store), labelled_structures(workspace.test, LabelKeys())
    found: list[Label] = []
    for number, (atoms, _) in enumerate(test):
        entry = obtain_label(store, labeler, atoms, workspace.label_files).entry
        if entry.label is None:
            raise LabelError(f"zero_shot: {labeler.name} fails for structure {number} of the test set: {entry.cause}")
        found.append(entry.label)
    elements = sorted({symbol for atoms, _ in test for symbol in atoms.get_chemical_symbols()})
    counts = composition([atoms for atoms, _ in test], elements)
    energies = np.array([label.energy for label in found])
    constants = atomic_constants(counts, energies - [label.energy for _, label in test])
    predictions = Predictions(
        energies=(energies - counts @ constants)[:, None],
        forces=[label.forces[None] for label in found],
        stresses=np.array([[np.full(6, np.nan) if label.stress is None else label.stress] for label in found]),
    )
    metrics = {
        name: {metric: value for metric, value in errors.items() if metric != _SPREAD and np.isfinite(value)}
        for name, errors in slice_errors(predictions, test).items()
    }
    record = {
        "labeler": dict(inputs.labeler),
        "metrics": metrics,
        "members_force_mae_meV_per_A": member_force_maes(predictions, test),
        "notes": labeler.notes([atoms for atoms, _ in test]),
        "core_seconds": sum(label.core_seconds for label in found),
    }
    write_json(file, record)


def atomic_constants(counts: np.ndarray, differences: np.ndarray) -> np.ndarray:
    """Return the energy per atom of each element that two sets of energies differ by, least squares per atom.

    Args:
        counts: [n_structures, n_elements], atoms.
        differences: [n_structures] of total energies, eV.

    Returns:
        [n_elements], eV; for one element the mean difference per atom.
    """
    sizes = counts.sum(axis=1)
    found: np.ndarray = np.linalg.lstsq(counts / sizes[:, None], differences / sizes, rcond=None)[0]
    return found
