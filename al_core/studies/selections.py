"""One selection: which structures a label set gets next. Kept in a file, so that it is made once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from ase import Atoms

from al_core import acquisition
from al_core.acquisition.candidates import Candidates
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.bundle import bundle_hash
from al_core.models.engine.descriptors import descriptors
from al_core.models.engine.gradient_features import energy_features, gradient_features
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.storage.files import write_json
from al_core.storage.hashing import digest, structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.committees import load_committee
from al_core.studies.features import SCHEMA, features_of
from al_core.studies.keys import ModelInputs, SelectionInputs
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
    known = Candidates(len(inputs.candidates), costs=np.array(inputs.costs) if inputs.costs else None)
    if inputs.committee is None and inputs.describing is None:
        return known
    workspace = Workspace(inputs.out)
    structures = {structure_id(atoms): atoms for atoms in read_structures(inputs.file or workspace.pool)}
    if inputs.committee is not None:
        asked = [structures[name] for name in inputs.candidates]
        committee, device = load_committee(inputs.committee), pick_device(inputs.committee.device)
        known = replace(known, forces=predict(committee, asked, device, torch.float32).forces)
    if inputs.acquisition.asks == "errors":
        known = replace(known, errors=true_errors(workspace, inputs.candidates, known.forces or ()))
    if inputs.describing is None:
        return known
    labelled = [finished(LabelStore(workspace.store), key)[0] for key in sorted(inputs.labelled)]
    candidates = [structures[name] for name in inputs.candidates]
    described = [*candidates, *labelled, *(structures[name] for name in inputs.target)]
    features = _features(inputs, inputs.describing, described)
    of_candidates, of_labelled, of_target = np.split(features, np.cumsum([len(candidates), len(labelled)]))
    sampled = inputs.acquisition.features_of == "force_gradients"
    return replace(
        known,
        features=of_candidates,
        components=_components(candidates) if sampled else None,
        labelled_features=of_labelled,
        labelled_components=_components(labelled) if sampled else None,
        target_features=of_target if inputs.target else None,
    )


def _components(structures: Sequence[Atoms]) -> np.ndarray:
    return np.array([3 * len(atoms) for atoms in structures])


def _features(inputs: SelectionInputs, describing: ModelInputs, structures: Sequence[Atoms]) -> np.ndarray:
    """Return features of structures, [n, rows, dimensions]; there is one row, but for gradients of forces."""
    device, kind = pick_device(describing.device), inputs.acquisition.features_of
    model = load_committee(describing)[0]

    def compute(new: list[Atoms]) -> np.ndarray:
        if kind == "force_gradients":
            return gradient_features(model, new, device)
        return (energy_features if kind == "energy_gradients" else descriptors)(model, new, device)[:, None]

    key = digest([kind, SCHEMA, bundle_hash(model)])
    return features_of(Workspace(inputs.out).features(key), key, structures, compute)
