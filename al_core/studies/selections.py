"""One selection: which structures a label set gets next. Kept in a file, so that it is made once."""

import numpy as np
import torch
from ase import Atoms

from al_core import acquisition
from al_core.acquisition.candidates import Candidates
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.engine.gradient_features import gradient_features
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.storage.files import write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.committees import load_committee
from al_core.studies.keys import SelectionInputs
from al_core.studies.lookup import selected
from al_core.studies.workspace import Workspace


def select(inputs: SelectionInputs) -> tuple[str, ...]:
    """Return the ids of the k structures to label next, the most wanted first.

    Raises:
        SelectionError: too few candidates, or what the committee predicts for them is not finite.
    """
    if (known := selected(inputs)) is not None:
        return known
    rng = np.random.default_rng([inputs.seed, len(inputs.candidates)])
    indices = acquisition.select(_candidates(inputs), inputs.k, rng, inputs.acquisition)
    found = tuple(inputs.candidates[index] for index in indices)
    record = {"acquisition": inputs.acquisition.settings(), "seed": inputs.seed, "selected": found}
    write_json(Workspace(inputs.out).selection(inputs.key), record)
    return found


def _candidates(inputs: SelectionInputs) -> Candidates:
    """Return what the acquisition needs to know of the candidates."""
    asks, model, count = inputs.acquisition.asks, inputs.committee, len(inputs.candidates)
    if asks == "nothing" or model is None:
        return Candidates(count)
    workspace, device = Workspace(inputs.out), pick_device(model.device)
    known = {structure_id(atoms): atoms for atoms in read_structures(inputs.file or workspace.pool)}
    structures = [known[name] for name in inputs.candidates]
    committee = load_committee(model)
    if asks == "forces":
        return Candidates(count, forces=predict(committee, structures, device, torch.float32).forces)
    labelled: list[Atoms] = [finished(LabelStore(workspace.store), key)[0] for key in sorted(model.labels)]
    target = [known[name] for name in inputs.target]
    features = gradient_features(committee[0], [*structures, *labelled, *target], device)
    return Candidates(
        count,
        gradient_features=features[:count],
        labelled_features=features[count : count + len(labelled)],
        target_features=features[count + len(labelled) :] if target else None,
        costs=np.array(inputs.costs) if inputs.costs else None,
    )
