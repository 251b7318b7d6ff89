"""The flow ``label-structures``: label every structure of a file, each once."""

from pathlib import Path
from typing import Any

from prefect import flow

from al_core.errors import LabelError
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.storage.hashing import level_of, structure_id
from al_core.structures.datasets import LEVEL, read_structures, write_labelled
from al_core.studies.workspace import Workspace
from calculators.preflight import check_labels_possible
from flows import tasks
from flows.planning import checked_labeler, checked_store
from flows.preflight import check_writable
from flows.runtime.current import running
from flows.runtime.progress import Steps
from flows.runtime.runner import make_runner


@flow(name="label-structures", flow_run_name="label {structures}")
def label_structures(
    structures: str, labeler: dict[str, Any], out: str, workers: int = 0, store: str | None = None
) -> str:
    """Label the structures of a file and return the path of the labelled extxyz file.

    Labels are kept in the store: running it again, after a crash too, computes only what is not there yet. Structures
    that fail are left out of the file; the causes are in the store.

    Args:
        structures: a file ASE reads.
        labeler: settings, such as ``{"kind": "gpaw", "cutoff_eV": 400}``.
        out: folder for the outputs and ``labelled.extxyz``.
        workers: how many labels at once; 0 is one a core.
        store: URL of the store on a PostgreSQL server; ``labels.db`` in the folder ``out`` if not given.

    Raises:
        ConfigError: file or settings cannot be used; nothing was computed.
        LabelError: every structure failed.
    """
    settings, url = checked_labeler(labeler), checked_store(store)
    path, place = Path(structures).resolve(), Workspace(Path(out).resolve())
    frames = read_structures(path)
    check_labels_possible(frames, settings, str(path))
    check_writable(place.out, url)
    place.use_store(url)
    with running(make_runner("workers", workers)), Steps() as steps:
        names = list(dict.fromkeys(structure_id(atoms) for atoms in frames))
        keys = tasks.label_all(names, settings, place, (path,), steps)
    labels = LabelStore(place.store)
    done = {name: finished(labels, key)[1] for name, key in keys.items() if key}
    for atoms in frames:
        atoms.info[LEVEL] = level_of(keys[structure_id(atoms)])
    if not done:
        raise LabelError(f"all {len(names)} structures failed; the causes are in {labels}")
    labelled = place.out / "labelled.extxyz"
    write_labelled(labelled, [(a, done[structure_id(a)]) for a in frames if structure_id(a) in done])
    return str(labelled)
