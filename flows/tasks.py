"""Prefect tasks. Each gives one function of :mod:`flows.work` to the flow's runner. Ids, paths and configs travel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger

from al_core.config.labelers import AnyLabeler
from al_core.config.sources import PretrainConfig
from al_core.errors import LabelError
from al_core.labels.obtaining import finished
from al_core.labels.store import LabelStore
from al_core.learning.steps import LabelOutcome, SelectionOutcome
from al_core.storage.hashing import label_key, structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.expectations import TransferabilityInputs
from al_core.studies.features import MappedInputs
from al_core.studies.keys import (
    CalibrationInputs,
    EvaluationInputs,
    ExplorationInputs,
    ModelInputs,
    ReferenceInputs,
    SelectionInputs,
)
from al_core.studies.pool_map import MapInputs
from al_core.studies.workspace import Workspace
from al_core.studies.zero_shot import ZeroShotInputs
from al_core.types import Label
from al_core.uncertainty.calibration import Calibration
from calculators.preflight import check_memory
from flows import work
from flows.runtime.current import current_runner
from flows.runtime.progress import Counters
from flows.runtime.retries import retry_if_it_may_pass

# a second try helps where a worker process was killed or the store's file system hesitated
RETRIES: dict[str, Any] = {"retries": 1, "retry_delay_seconds": 2, "retry_condition_fn": retry_if_it_may_pass}

_LARGE = 64  # atoms of the largest cells that references are computed of

LabelFutures = dict[str, PrefectFuture[LabelOutcome]]


@task(task_run_name="label {name}", cache_policy=NO_CACHE, **RETRIES)
def label(name: str, files: tuple[Path, ...], labeler: AnyLabeler, workspace: Workspace) -> LabelOutcome:
    """Return what came of labelling one structure: computed if it is not in the store.

    Args:
        name: the structure's id.
        files: the files it is in one of.
        labeler: settings of the labeler.
        workspace: whose store and label folder are used.
    """
    logger = get_run_logger()
    cores = work.labeler_of(labeler).cores(work.structures_of(files)[name])
    outcome, messages = (
        current_runner().submit(work.label, name, files, labeler, workspace, cores=cores, dft=True).result()
    )
    for message in messages:
        logger.info(message)
    if outcome.failure:
        logger.warning("structure %s could not be labelled: %s", name, outcome.failure)
    return outcome


@task(task_run_name="select {inputs.k} by {inputs.acquisition.kind}", cache_policy=NO_CACHE, **RETRIES)
def select(inputs: SelectionInputs) -> SelectionOutcome:
    """Return the ids of the structures that a label set gets next."""
    return current_runner().submit(work.select, inputs).result()


@task(task_run_name="train {inputs.arm.kind} on {labels} labels", cache_policy=NO_CACHE, **RETRIES)
def train(inputs: ModelInputs, labels: int) -> str:
    """Train a committee; return '' or why it failed."""
    return current_runner().submit(work.train, inputs).result()


@task(task_run_name="evaluate {count} committees", cache_policy=NO_CACHE, **RETRIES)
def evaluate(evaluations: Sequence[EvaluationInputs], count: int) -> list[str]:
    """Evaluate trained committees; return '' or why it failed, for each."""
    return current_runner().submit(work.evaluate, evaluations).result()


@task(task_run_name="calibrate on {count} labels", cache_policy=NO_CACHE, **RETRIES)
def calibrate(inputs: CalibrationInputs, count: int) -> Calibration:
    """Find what a committee's disagreement stands for."""
    return current_runner().submit(work.calibrate, inputs).result()


@task(task_run_name="explore with {count} walkers", cache_policy=NO_CACHE, **RETRIES)
def explore(inputs: ExplorationInputs, count: int) -> None:
    """Let walkers move by a committee."""
    current_runner().submit(work.explore, inputs).result()


@task(task_run_name="write the model", cache_policy=NO_CACHE, **RETRIES)
def deliver(model: ModelInputs, calibration: Calibration) -> None:
    """Write the committee that a growth ends with."""
    current_runner().submit(work.deliver, model, calibration).result()


@task(task_run_name="map the pool", cache_policy=NO_CACHE, **RETRIES)
def map_pool(inputs: MapInputs) -> None:
    """Map pool and test set in two dimensions."""
    current_runner().submit(work.map_pool, inputs).result()


@task(task_run_name="estimate the transferability", cache_policy=NO_CACHE, **RETRIES)
def transferability(inputs: TransferabilityInputs) -> None:
    """Estimate what arms make of their sources."""
    current_runner().submit(work.transferability, inputs).result()


@task(task_run_name="map structures", cache_policy=NO_CACHE, **RETRIES)
def map_structures(inputs: MappedInputs) -> None:
    """Compute where structures lie as the source's first model sees them."""
    current_runner().submit(work.map_structures, inputs).result()


@task(task_run_name="reference {kind}", cache_policy=NO_CACHE, **RETRIES)
def reference(inputs: ReferenceInputs, labeler: AnyLabeler, kind: str) -> None:
    """Compute what properties of a kind are measured against."""
    cores = work.labeler_of(labeler).cores(Atoms(f"({inputs.material}){_LARGE}"))
    current_runner().submit(work.reference, inputs, labeler, cores=cores, dft=True).result()


@task(task_run_name="measure {title} as it is", cache_policy=NO_CACHE, **RETRIES)
def zero_shot(inputs: ZeroShotInputs, labeler: AnyLabeler, title: str) -> None:
    """Measure a potential on the test set as it is."""
    cores = work.labeler_of(labeler).cores(Atoms("H" * _LARGE))
    current_runner().submit(work.zero_shot, inputs, labeler, cores=cores, dft=True).result()


@task(task_run_name="pretrain members {numbers} of {config.name}", cache_policy=NO_CACHE, **RETRIES)
def pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    """Train members of a source committee in one pass."""
    current_runner().submit(work.pretrain_members, config, data, out, numbers).result()


@task(task_run_name="describe {out.name}", cache_policy=NO_CACHE, **RETRIES)
def describe_committee(data: Path, out: Path, device: str) -> dict[str, Any]:
    """Return the errors of a source committee on the held out part of its data."""
    return current_runner().submit(work.describe_committee, data, out, device).result()


def submit_labels(
    names: Sequence[str], labeler: AnyLabeler, workspace: Workspace, file: Path, counters: Counters
) -> LabelFutures:
    """Start labelling structures of a file, the dearest first, and return what :func:`outcomes_of` waits for."""
    counters.expect("labels", len(names))
    atoms, ready = work.structures_of((file,)), work.labeler_of(labeler)
    check_memory([atoms[name] for name in names], ready, current_runner().megabytes_per_core)
    dearest_first = sorted(names, key=lambda name: -ready.estimate_core_seconds(atoms[name]))
    return {name: label.submit(name, (file,), labeler, workspace) for name in dearest_first}


def outcomes_of(futures: LabelFutures, counters: Counters) -> dict[str, LabelOutcome]:
    """Wait for labels; return what came of each, by structure id."""
    outcomes = {}
    for name, future in futures.items():
        outcomes[name] = future.result()
        counters.done("labels")
    return outcomes


def label_file(file: Path, labeler: AnyLabeler, workspace: Workspace, counters: Counters) -> list[tuple[Atoms, Label]]:
    """Label every structure of a file and return those that have a label, in the file's order.

    Raises:
        LabelError: every structure failed.
    """
    frames, store, identity = read_structures(file), LabelStore(workspace.store), work.labeler_of(labeler).identity()
    keys = {structure_id(atoms): label_key(structure_id(atoms), identity) for atoms in frames}
    known = {entry.key for entry in store.entries(keys.values()) if entry.label}
    counters.expect("labels", len(known))
    counters.done("labels", len(known))
    asked = [name for name, key in keys.items() if key not in known]
    outcomes = outcomes_of(submit_labels(asked, labeler, workspace, file, counters), counters)
    known |= {outcome.key for outcome in outcomes.values() if not outcome.failure}
    names = [structure_id(atoms) for atoms in frames]
    labelled = [
        (atoms, finished(store, keys[name])[1])
        for name, atoms in zip(names, frames, strict=True)
        if keys[name] in known
    ]
    if not labelled:
        first = next(outcome.failure for outcome in outcomes.values())
        raise LabelError(
            f"all {len(outcomes)} structures failed, the first: {first}; `graft study status {workspace.out}` has all "
            "causes"
        )
    return labelled
