"""Prefect tasks. Each calls one function that also works without Prefect; only ids, paths and configs travel."""

import functools
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
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.keys import CellInputs, ChoiceInputs, known_choice
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler
from flows.runtime.progress import Steps
from flows.runtime.workers import CORES, in_worker


def _run_cell(cell: CellInputs) -> str:
    from al_core.studies.cells import run_cell

    return run_cell(cell)


def _choose(choice: ChoiceInputs) -> tuple[str, ...]:
    from al_core.studies.selections import choose

    return choose(choice)


def _pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    from al_core.models.sources.pretraining import pretrain_members

    pretrain_members(config, data, out, numbers)


def _describe_committee(data: Path, out: Path, device: str) -> dict[str, Any]:
    from al_core.models.sources.pretraining import describe_committee

    return describe_committee(data, out, device)


@functools.lru_cache(maxsize=4)
def _structures(files: tuple[Path, ...], changed: tuple[int, ...]) -> dict[str, Atoms]:
    return {structure_id(atoms): atoms for file in files for atoms in read_structures(file)}


def _structures_of(files: tuple[Path, ...]) -> dict[str, Atoms]:
    """Return {structure id: structure} of some files, which are read again when they have changed."""
    return _structures(files, tuple(file.stat().st_mtime_ns for file in files))


_labeler = functools.lru_cache(maxsize=4)(make_labeler)


# a second try helps where a worker process was killed or the store's file system hesitated
@task(task_run_name="label {name}", retries=1, retry_delay_seconds=2, cache_policy=NO_CACHE)
def label(name: str, structures: tuple[Path, ...], labeler: AnyLabeler, place: Workspace) -> str:
    """Return the label key of one structure, computed if it is not in the store, or '' if labelling it failed.

    Args:
        name: the structure's id.
        structures: the files it is in one of.
        labeler: settings of the labeler.
        place: whose store and label folder are used.
    """
    logger = get_run_logger()
    atoms = _structures_of(structures)[name]
    ready = _labeler(labeler)
    with CORES.hold(ready.cores(atoms)):
        entry = obtain_label(LabelStore(place.store), ready, atoms, place.label_files, log=logger.info).entry
    if entry.label is None:
        logger.warning("structure %s could not be labelled: %s", name, entry.cause)
        return ""
    return entry.key


@task(task_run_name="choose {choice.k} by {choice.acquisition.kind}", retries=1, cache_policy=NO_CACHE)
def choose(choice: ChoiceInputs) -> tuple[str, ...]:
    """Return the ids of the structures a chain labels next."""
    known = known_choice(choice)
    return known if known is not None else in_worker(_choose, choice)


@task(task_run_name="train {cell.arm.kind} on {budget} of {chain}", retries=1, cache_policy=NO_CACHE)
def train_cell(cell: CellInputs, budget: int, chain: str) -> str:
    """Return the key of a finished cell: trained and evaluated, or found."""
    if Workspace(cell.out).cell(cell.key).exists():
        return cell.key
    return in_worker(_run_cell, cell)


@task(task_run_name="pretrain members {numbers} of {config.name}", retries=1, cache_policy=NO_CACHE)
def pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    """Train members of a source committee in one pass."""
    in_worker(_pretrain_members, config, data, out, numbers)


@task(task_run_name="describe {out.name}", cache_policy=NO_CACHE)
def describe_committee(data: Path, out: Path, device: str) -> dict[str, Any]:
    """Return the errors of a source committee on the held out part of its data."""
    return in_worker(_describe_committee, data, out, device)


def label_all(
    names: Sequence[str], labeler: AnyLabeler, place: Workspace, structures: tuple[Path, ...], steps: Steps
) -> dict[str, str]:
    """Return {structure id: label key, or '' where it failed}; as many at once as there are cores."""
    return labels_of(submit_labels(names, labeler, place, structures, steps), steps)


def submit_labels(
    names: Sequence[str], labeler: AnyLabeler, place: Workspace, structures: tuple[Path, ...], steps: Steps
) -> dict[str, PrefectFuture[str]]:
    """Start labelling, the dearest first, and return what :func:`labels_of` waits for."""
    steps.expect("labels", len(names))
    atoms, ready = _structures_of(structures), _labeler(labeler)
    dearest_first = sorted(names, key=lambda name: -ready.estimate_core_seconds(atoms[name]))
    return {name: label.submit(name, structures, labeler, place) for name in dearest_first}


def labels_of(futures: dict[str, PrefectFuture[str]], steps: Steps) -> dict[str, str]:
    """Wait for labels; return {structure id: label key, or '' where it failed}."""
    keys = {}
    for name, future in futures.items():
        keys[name] = future.result()
        steps.done("labels")
    return keys
