"""One selection: which structures a label set gets next. Kept in a file, so that it is made once."""

from dataclasses import replace

import numpy as np
import torch
from ase import Atoms

from al_core import acquisition
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import Features
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.bundle import Bundle
from al_core.models.engine.descriptors import descriptors
from al_core.models.engine.gradient_features import energy_features, gradient_features
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.storage.files import write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.committees import load_committee
from al_core.studies.keys import SelectionInputs
from al_core.studies.lookup import selected
from al_core.studies.pool_labels import true_errors
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
    acquisition, model, count = inputs.acquisition, inputs.committee, len(inputs.candidates)
    if not acquisition.asks_models or model is None:
        return Candidates(count)
    workspace, device = Workspace(inputs.out), pick_device(model.device)
    structures = {structure_id(atoms): atoms for atoms in read_structures(inputs.file or workspace.pool)}
    asked = [structures[name] for name in inputs.candidates]
    committee = load_committee(model)
    known = Candidates(count, costs=np.array(inputs.costs) if inputs.costs else None)
    if acquisition.asks_forces or acquisition.asks == "errors":
        known = replace(known, forces=predict(committee, asked, device, torch.float32).forces)
    if acquisition.asks == "errors":
        return replace(known, errors=true_errors(workspace, inputs.candidates, known.forces or ()))
    if acquisition.asks != "features":
        return known
    labelled: list[Atoms] = [finished(LabelStore(workspace.store), key)[0] for key in sorted(model.labels)]
    names = list(dict.fromkeys([*inputs.candidates, *inputs.target]))
    described = [*labelled, *(structures[name] for name in names)]
    features = _features(acquisition.features_of, committee[0], described, device)
    labelled_features, others = features[: len(labelled)], features[len(labelled) :]
    target = [names.index(name) for name in inputs.target]
    return replace(
        known,
        features=others[:count],
        labelled_features=labelled_features,
        target_features=others[target] if target else None,
    )


def _features(of: Features, model: Bundle, structures: list[Atoms], device: torch.device) -> np.ndarray:
    """Return features, [n, rows, dimensions]: one row, but for gradients of forces."""
    if of == "force_gradients":
        return gradient_features(model, structures, device)
    return (energy_features if of == "energy_gradients" else descriptors)(model, structures, device)[:, None]
