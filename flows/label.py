"""The flow ``label-structures``: label every structure of a file, each once."""

from pathlib import Path
from typing import Any

from prefect import flow

from al_core.storage.hashing import label_key, level_of
from al_core.storage.locks import folder_lock
from al_core.structures.datasets import LEVEL, read_structures, write_labelled
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from calculators.preflight import check_labels_possible
from flows import tasks
from flows.planning import checked_labeler, checked_site, checked_store
from flows.preflight import check_site, check_writable
from flows.runtime.current import running
from flows.runtime.progress import Counters
from flows.runtime.runner import make_runner


@flow(name="label-structures", flow_run_name="label {structures}")
def label_structures(
    structures: str, labeler: dict[str, Any], out: str, site: dict[str, Any] | None = None, store: str | None = None
) -> str:
    """Label the structures of a file and return the path of the labelled extxyz file.

    Labels are kept in the store: running it again, after a crash too, computes only what is not there yet. Structures
    that fail are left out of the file; the causes are in the store.

    Args:
        structures: a file ASE reads.
        labeler: settings, such as ``{"kind": "gpaw", "cutoff_eV": 400}``.
        out: folder for the outputs and ``labelled.extxyz``.
        site: where to compute, ``{"kind": "local", "workers": 2}``; on all cores of this machine if not given.
        store: URL of the store on a PostgreSQL server; ``labels.db`` in the folder ``out`` if not given.

    Raises:
        ConfigError: file or settings cannot be used; nothing was computed.
        LabelError: every structure failed.
    """
    settings, url, where = checked_labeler(labeler), checked_store(store), checked_site(site)
    path, workspace = Path(structures).resolve(), Workspace(Path(out).resolve())
    check_labels_possible(read_structures(path), settings, str(path))
    check_writable(workspace.out, url)
    check_site(where, url)
    with folder_lock(workspace.out, "labelling"), running(make_runner(where, workspace.out)), Counters() as counters:
        workspace.use_store(url)
        labelled = tasks.label_file(path, settings, workspace, counters)
        level = level_of(label_key("", make_labeler(settings).identity()))
        for atoms, _ in labelled:
            atoms.info[LEVEL] = level
        write_labelled(workspace.out / "labelled.extxyz", labelled)
    return str(workspace.out / "labelled.extxyz")
