"""Labels of the whole pool, where they are looked up: an oracle selects by the true errors of a committee.

They stay beside the pool and out of the label store, so that the ledger tells what a study asked for, no more.
"""

from collections.abc import Sequence

import numpy as np

from al_core.errors import LabelError, SelectionError
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import LabelKeys, labelled_structures, read_structures, write_labelled
from al_core.studies.workspace import Workspace
from al_core.types import Labeler


def write_pool_labels(workspace: Workspace, labeler: Labeler) -> None:
    """Write the pool of a study with all of its labels, again if they are there: another labeler may have made them.

    Raises:
        LabelError: the labeler computes its labels, or lacks one.
    """
    if labeler.by_physics:
        raise LabelError(f"labels of kind {labeler.name} are computed; expected ones that are looked up")
    labelled = []
    for atoms in read_structures(workspace.pool):
        labeler.check(atoms)
        labelled.append((atoms, labeler.label(atoms, workspace.label_files)))
    write_labelled(workspace.pool_labels, labelled)


def true_errors(workspace: Workspace, names: Sequence[str], forces: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean absolute error of a committee's mean force for structures of the pool, eV/Å, [n].

    Args:
        workspace: the study's folder.
        names: ids of the structures.
        forces: of the committee, eV/Å, [K, n_atoms, 3] for each structure.

    Raises:
        SelectionError: some structures have no label there.
    """
    file = workspace.pool_labels
    labelled = labelled_structures(file, LabelKeys()) if file.exists() else []
    known = {structure_id(atoms): label.forces for atoms, label in labelled}
    if missing := [name for name in names if name not in known]:
        raise SelectionError(
            f"{file}: {len(missing)} of {len(names)} candidates have no label there, and an oracle needs all; run the "
            "study again, which writes it"
        )
    errors = [np.abs(part.mean(axis=0) - known[name]).mean() for name, part in zip(names, forces, strict=True)]
    return np.array(errors)
