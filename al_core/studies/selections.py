"""One choice: which structures a chain labels next. Kept in a file, so that it is made once."""

import numpy as np
import torch
from ase import Atoms

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.bundle import Bundle, load_bundle
from al_core.models.card import committee_folders
from al_core.models.engine.gradient_features import gradient_features
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.storage.files import write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.cells import zero_label_committee
from al_core.studies.keys import CellInputs, ChoiceInputs, known_choice
from al_core.studies.workspace import Workspace


def choose(choice: ChoiceInputs) -> tuple[str, ...]:
    """Return the ids of the k structures to label next, the most wanted first."""
    if (known := known_choice(choice)) is not None:
        return known
    rng = np.random.default_rng([choice.seed, len(choice.candidates)])
    indices = select(_candidates(choice), choice.k, rng, choice.acquisition)
    chosen = tuple(choice.candidates[index] for index in indices)
    write_json(Workspace(choice.out).choice(choice.key), chosen)
    return chosen


def _candidates(choice: ChoiceInputs) -> Candidates:
    """Return what the acquisition asks about the candidates."""
    asks, cell = choice.acquisition.asks, choice.committee
    count = len(choice.candidates)
    if asks == "nothing" or cell is None:
        return Candidates(count)
    place, device = Workspace(choice.out), pick_device(cell.device)
    pool = {structure_id(atoms): atoms for atoms in read_structures(place.pool)}
    structures = [pool[name] for name in choice.candidates]
    committee = _committee(place, cell)
    if asks == "forces":
        return Candidates(count, forces=predict(committee, structures, device, torch.float32).forces)
    labelled: list[Atoms] = [finished(LabelStore(place.store), key)[0] for key in sorted(cell.labels)]
    features = gradient_features(committee[0], [*structures, *labelled], device)
    return Candidates(count, gradient_features=features[:count], labelled_features=features[count:])


def _committee(place: Workspace, cell: CellInputs) -> list[Bundle]:
    if not cell.labels:
        return zero_label_committee(cell)
    return [load_bundle(folder) for folder in committee_folders(place.models(cell.key))]
