"""The flow ``convergence``: how far the labels of DFT settings are from those of tight ones."""

import math
from dataclasses import asdict
from pathlib import Path

from ase import Atoms
from prefect import flow
from prefect.artifacts import create_table_artifact

from al_core.config.convergence import ConvergenceConfig
from al_core.config.labelers import GPAWLabeler
from al_core.config.reading import load_config
from al_core.config.structures import FileStructures
from al_core.errors import LabelError
from al_core.labels.convergence import Deviation, Point, deviation, points
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.report.convergence import markdown, page
from al_core.storage.files import write_json, write_text
from al_core.storage.hashing import digest, structure_id
from al_core.storage.locks import folder_lock
from al_core.structures.datasets import read_structures
from al_core.structures.making import make_structures
from al_core.studies.data import described, given_structures, write_structures
from al_core.studies.workspace import Workspace
from al_core.types import Label
from calculators.base import make_labeler
from calculators.classical.neutral import neutral_potential
from flows import tasks
from flows.convergence_preflight import preflight_convergence
from flows.runtime.artifacts import artifact_key
from flows.runtime.current import running
from flows.runtime.progress import Counters
from flows.runtime.runner import make_runner


@flow(name="convergence", flow_run_name="convergence {config}")
def convergence(config: str, out: str | None = None, overrides: list[str] | None = None) -> str:
    """Compare DFT settings with tight ones and return the path of the page with the figures.

    ``convergence.json``, ``convergence.md`` and ``convergence.html`` are written into the folder. Labels are kept in
    its store, so that running it again, with more settings too, computes only what is not there.

    Args:
        config: path of the YAML file.
        out: folder for store and results; ``runs/<name>`` if not given.
        overrides: ``key.path=value`` changes to the config.

    Raises:
        ConfigError: the config cannot be run; nothing was computed.
        LabelError: nothing can be compared, because labels failed.
    """
    settings = load_config(ConvergenceConfig, Path(config), tuple(overrides or ()))
    workspace = Workspace((Path(out) if out else Path("runs") / settings.name).resolve())
    preflight_convergence(settings, workspace.out)
    runner = make_runner(settings.site, workspace.out)
    with folder_lock(workspace.out, "a convergence study"), running(runner), Counters() as counters:
        workspace.use_store(settings.store)
        file = _structures(settings, workspace)
        found = _compare(points(settings), file, workspace, counters)
        if not any(deviation.n_labels for _, deviation in found):
            store = LabelStore(workspace.store)
            raise LabelError(f"no structure has labels of both a setting and its reference; the causes are in {store}")
        rows = [{"varied": point.varied, "value": point.value, **_numbers(deviation)} for point, deviation in found]
        write_json(workspace.out / "convergence.json", {"config": settings.model_dump(mode="json"), "rows": rows})
        write_text(workspace.out / "convergence.md", markdown(found))
        write_text(workspace.out / "convergence.html", page(settings.name, found))
    create_table_artifact(rows, key=artifact_key(settings.name, workspace.out), description=settings.name)
    return str(workspace.out / "convergence.html")


def _structures(config: ConvergenceConfig, workspace: Workspace) -> Path:
    """Write the structures, once, and return their file."""
    structures = config.structures
    if isinstance(structures, FileStructures):
        frames = given_structures(structures)
        file = workspace.out / f"structures-{digest([structure_id(atoms) for atoms in frames])}.extxyz"
    else:
        file = workspace.out / f"structures-{digest([config.elements, described(structures)])}.extxyz"
        if file.exists():
            return file
        made = [make_structures(structures, one, neutral_potential, "convergence") for one in config.crystals]
        frames = [atoms for of_one in made for atoms in of_one]
    write_structures(file, frames)
    return file


def _compare(
    wanted: list[Point], file: Path, workspace: Workspace, counters: Counters
) -> list[tuple[Point, Deviation]]:
    names = list(dict.fromkeys(structure_id(atoms) for atoms in read_structures(file)))
    every = {_key(settings): settings for point in wanted for settings in (point.settings, point.reference)}
    asked = {key: tasks.submit_labels(names, settings, workspace, file, counters) for key, settings in every.items()}
    store = LabelStore(workspace.store)
    labels: dict[str, dict[str, tuple[Atoms, Label]]] = {}
    for key, futures in asked.items():
        outcomes = tasks.outcomes_of(futures, counters)
        labels[key] = {name: finished(store, one.key) for name, one in outcomes.items() if not one.failure}
    return [(point, deviation(labels[_key(point.settings)], labels[_key(point.reference)])) for point in wanted]


def _numbers(found: Deviation) -> dict[str, float | None]:
    """Return the numbers of a comparison; those of labels that all failed are none."""
    return {key: None if math.isnan(value) else value for key, value in asdict(found).items()}


def _key(settings: GPAWLabeler) -> str:
    return digest(make_labeler(settings).identity())
