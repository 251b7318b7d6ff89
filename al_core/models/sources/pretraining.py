"""Training the members of a source committee, and measuring its errors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from al_core.config.sources import PretrainConfig
from al_core.errors import DivergedError
from al_core.evaluation.errors import member_force_maes, slice_errors
from al_core.models.arms.scratch import initial_model
from al_core.models.bundle import load_bundle, save_bundle
from al_core.models.committee import committee_folders
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.models.sources.members import checkpoint_of, diverged_file, diverged_members, member_folder, untrained
from al_core.models.training.loss import Labelled
from al_core.models.training.train import train
from al_core.storage.files import write_json
from al_core.storage.hashing import file_sha256
from al_core.storage.progress import step_writer, steps_file
from al_core.structures.datasets import LabelKeys, labelled_structures
from al_core.studies.data import hold_out

_HELD_OUT_SHARE = 10  # one structure in ten is held out for the errors on the model card
_BATCH_SEED = 0  # one order of batches for all, so that members do not depend on which of them train together


def split(data: Path) -> tuple[list[Labelled], list[Labelled]]:
    """Return (training set, held out) of a labelled file, the held out ones spread over its groups."""
    labelled = {id(atoms): (atoms, label) for atoms, label in labelled_structures(data, LabelKeys())}
    structures = [atoms for atoms, _ in labelled.values()]
    rest, held = hold_out(structures, max(1, len(structures) // _HELD_OUT_SHARE), seed=0)
    return [labelled[id(atoms)] for atoms in rest], [labelled[id(atoms)] for atoms in held]


def pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    """Train members of a source committee side by side and save their bundles; finished ones are left as they are.

    A training that was killed goes on from its last checkpoint. A member that diverges leaves ``diverged-N.json``
    and is not trained again, for it would diverge again.

    Args:
        config: architecture, training, learning rate.
        data: extxyz file with labels under the ``REF_`` keys.
        out: the committee's folder.
        numbers: which members; a member's number is the seed of its weights.
    """
    missing = untrained(out, numbers)
    if not missing:
        return
    device = pick_device(config.device)
    training_set, held_out = split(data)
    starts = [initial_model(config.model, training_set, config.element, number, device) for number in missing]
    progress = step_writer(steps_file(out, numbers[0]))
    settings = (config.training, config.learning_rate, _BATCH_SEED, device, progress)
    state = checkpoint_of(out, missing)
    # survivors: these may be a share of the committee
    committee = train(starts, training_set, *settings, members=missing, survivors=0, checkpoint=state)
    for number, trained in zip(missing, committee, strict=True):
        if trained is None:  # whether enough are left is decided when the committee is whole
            write_json(diverged_file(out, number), {"learning_rate": config.learning_rate, "cause": "loss not finite"})
            continue
        card = {
            **trained.info,
            "name": f"{config.name}/member-{number}",
            "data_sha256": file_sha256(data),
            "settings": config.training.model_dump(),
            "held_out_errors": slice_errors(predict([trained], [atoms for atoms, _ in held_out], device), held_out),
        }
        save_bundle(replace(trained, info=card), member_folder(out, number))


def describe_committee(data: Path, out: Path, device: str = "auto") -> dict[str, object]:
    """Evaluate a committee on the held out part of its data, write ``committee.json`` and return it.

    Raises:
        DivergedError: fewer than two members are there, because the others diverged.
    """
    _, held_out = split(data)
    folders = sorted(out.glob("member-*"))
    if len(folders) < 2:
        raise DivergedError(f"{out}: {len(folders)} of the models did not diverge, two are needed; lower learning_rate")
    committee = [load_bundle(folder) for folder in committee_folders(out)]
    predicted = predict(committee, [atoms for atoms, _ in held_out], pick_device(device))
    card = {
        "members": len(committee),
        "diverged_members": diverged_members(out),
        "elements": list(committee[0].elements),
        "data_sha256": file_sha256(data),
        "held_out": len(held_out),
        "errors": slice_errors(predicted, held_out),
        "members_force_mae_meV_per_A": member_force_maes(predicted, held_out),
    }
    write_json(out / "committee.json", card)
    return card
