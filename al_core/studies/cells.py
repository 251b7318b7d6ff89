"""One cell of the grid: a committee of one arm trained on one set of labels, evaluated once on the frozen test set."""

import time

from al_core.datasets import LabelKeys, labelled_structures
from al_core.evaluation.errors import member_force_maes, slice_errors
from al_core.files import write_json
from al_core.labelling import finished
from al_core.models.arms import ARMS
from al_core.models.bundle import Bundle, load_bundle, save_bundle
from al_core.models.mace import pick_device
from al_core.models.prediction import predict
from al_core.models.training import Labelled, train
from al_core.store import LabelStore
from al_core.studies.inputs import CellInputs
from al_core.studies.workspace import Workspace


def run_cell(cell: CellInputs) -> str:
    """Train (what is not trained yet), evaluate, write the result; return the cell's key. Finished cells are left."""
    place = Workspace(cell.out)
    if place.cell(cell.key).exists():
        return cell.key
    begin = time.process_time()
    device = pick_device(cell.device)
    labelled = _labelled(place, cell.labels)
    source = [load_bundle(folder) for folder in cell.source]
    starts = ARMS[cell.arm.kind](source, labelled, cell.element, cell.seed, device)
    folders = [place.models(cell.key) / f"member-{number}" for number in range(len(starts))]
    missing = [number for number, folder in enumerate(folders) if not (folder / "model.json").exists()]
    settings = (cell.training, cell.arm.learning_rate, cell.seed, device)
    for number, bundle in zip(missing, train([starts[k] for k in missing], labelled, *settings), strict=True):
        save_bundle(bundle, folders[number])
    committee = [load_bundle(folder) for folder in folders]
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
            "metrics": slice_errors(said, test),
            "members_force_mae_meV_per_A": member_force_maes(said, test),
            "core_seconds": max(training_seconds, time.process_time() - begin),
        },
    )
    return cell.key


def zero_label_committee(cell: CellInputs) -> list[Bundle]:
    """Return the committee an arm starts with before there is any label."""
    source = [load_bundle(folder) for folder in cell.source]
    return ARMS[cell.arm.kind](source, [], cell.element, cell.seed, pick_device(cell.device))


def _labelled(place: Workspace, keys: tuple[str, ...]) -> list[Labelled]:
    store = LabelStore(place.store)
    return [finished(store, key) for key in sorted(keys)]
