"""One cell of the grid: a committee of one arm trained on one set of labels, evaluated once on the frozen test set."""

import time
from pathlib import Path

from ase import Atoms

from al_core.evaluation.errors import member_force_maes, slice_errors
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.models.arms import ARMS
from al_core.models.bundle import Bundle, load_bundle, save_bundle
from al_core.models.card import CARD, committee_folders
from al_core.models.engine.stack import pick_device
from al_core.models.prediction import predict
from al_core.models.training.loss import Labelled
from al_core.models.training.train import train
from al_core.storage.files import read_json, write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import LabelKeys, labelled_structures, read_structures
from al_core.studies.keys import CellInputs
from al_core.studies.workspace import Workspace

_DIVERGED = "diverged.json"


def run_cell(cell: CellInputs) -> str:
    """Train (what is not trained yet), evaluate, write the result; return the cell's key. Finished cells are left."""
    place = Workspace(cell.out)
    if place.cell(cell.key).exists():
        return cell.key
    begin = time.process_time()
    device = pick_device(cell.device)
    labelled = _labelled(place, cell.labels)
    starts = _starts(cell, labelled)
    folder = place.models(cell.key)
    if not _complete(folder, len(starts)):
        _train(cell, starts, labelled, folder)
    members = committee_folders(folder)
    committee = [load_bundle(member) for member in members]
    training_seconds = sum(bundle.info["training"]["core_seconds"] for bundle in committee)
    test = labelled_structures(place.test, LabelKeys())
    said = predict(committee, [atoms for atoms, _ in test], device)
    write_json(
        place.cell(cell.key),
        {
            "arm": cell.arm.model_dump(),
            "seed": cell.seed,
            "labels": sorted(cell.labels),
            "rescaling": starts[0].info.get("rescaling"),
            "diverged_members": len(starts) - len(committee),
            "metrics": slice_errors(said, test),
            "members_force_mae_meV_per_A": member_force_maes(said, test),
            "core_seconds": max(training_seconds, time.process_time() - begin),
        },
    )
    return cell.key


def zero_label_committee(cell: CellInputs) -> list[Bundle]:
    """Return the committee an arm starts with before there is any label."""
    return _starts(cell, [])


def _starts(cell: CellInputs, labelled: list[Labelled]) -> list[Bundle]:
    source = [load_bundle(folder) for folder in cell.source]
    return ARMS[cell.arm.kind](source, labelled, cell.element, cell.seed, pick_device(cell.device))


def _complete(folder: Path, members: int) -> bool:
    """Tell whether a committee was trained before; members that diverged are named in a file of their own."""
    failed = read_json(folder / _DIVERGED) if (folder / _DIVERGED).exists() else []
    return all(number in failed or (folder / f"member-{number}" / CARD).exists() for number in range(members))


def _train(cell: CellInputs, starts: list[Bundle], labelled: list[Labelled], folder: Path) -> None:
    trained = train(
        starts,
        labelled,
        cell.arm.training(cell.training),
        cell.arm.learning_rate,
        cell.seed,
        pick_device(cell.device),
        way=cell.arm.tuning,
        unlabelled=_unlabelled(cell, labelled),
    )
    diverged = [number for number, bundle in enumerate(trained) if bundle is None]
    if diverged:
        write_json(folder / _DIVERGED, diverged)
    for number, bundle in enumerate(trained):
        if bundle is not None:
            save_bundle(bundle, folder / f"member-{number}")


def _unlabelled(cell: CellInputs, labelled: list[Labelled]) -> list[Atoms]:
    """Return the structures of the pool that are not among the labelled ones, if the cell's tuning reads them."""
    if not cell.arm.tuning.reads_pool:
        return []
    known = {structure_id(atoms) for atoms, _ in labelled}
    return [atoms for atoms in read_structures(Workspace(cell.out).pool) if structure_id(atoms) not in known]


def _labelled(place: Workspace, keys: tuple[str, ...]) -> list[Labelled]:
    store = LabelStore(place.store)
    return [finished(store, key) for key in sorted(keys)]
