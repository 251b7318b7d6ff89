"""One choice: which structures a chain labels next. Kept in a file, so that it is made once."""

import numpy as np
import torch

from al_core.acquisition import ACQUISITIONS
from al_core.datasets import read_structures
from al_core.files import write_json
from al_core.hashing import structure_id
from al_core.models.bundle import load_bundle
from al_core.models.card import committee_folders
from al_core.models.mace import pick_device
from al_core.models.prediction import predict
from al_core.studies.cells import zero_label_committee
from al_core.studies.inputs import CellInputs, ChoiceInputs, known_choice
from al_core.studies.workspace import Workspace


def choose(choice: ChoiceInputs) -> tuple[str, ...]:
    """Return the ids of the k structures to label next, the most wanted first."""
    if (known := known_choice(choice)) is not None:
        return known
    forces = None
    if choice.committee is not None:
        forces = _committee_forces(choice, choice.committee)
    rng = np.random.default_rng([choice.seed, len(choice.candidates)])
    indices = ACQUISITIONS[choice.acquisition].select(len(choice.candidates), forces, choice.k, rng)
    chosen = tuple(choice.candidates[index] for index in indices)
    write_json(Workspace(choice.out).choice(choice.key), chosen)
    return chosen


def _committee_forces(choice: ChoiceInputs, cell: CellInputs) -> list[np.ndarray]:
    place = Workspace(choice.out)
    pool = {structure_id(atoms): atoms for atoms in read_structures(place.pool)}
    if cell.labels:
        committee = [load_bundle(folder) for folder in committee_folders(place.models(cell.key))]
    else:
        committee = zero_label_committee(cell)
    structures = [pool[name] for name in choice.candidates]
    return predict(committee, structures, pick_device(cell.device), torch.float32).forces
