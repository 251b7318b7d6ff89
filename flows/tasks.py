"""Prefect tasks. Each gives one function of :mod:`flows.work` to the flow's runner. Ids, paths and configs travel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger

from al_core.config.labelers import AnyLabeler
from al_core.config.sources import PretrainConfig
from al_core.studies.keys import CellInputs, ChoiceInputs, known_choice
from al_core.studies.workspace import Workspace
from flows import work
from flows.runtime.current import current_runner
from flows.runtime.progress import Steps
from flows.runtime.retries import retry_if_it_may_pass

# a second try helps where a worker process was killed or the store's file system hesitated
RETRIES: dict[str, Any] = {"retries": 1, "retry_delay_seconds": 2, "retry_condition_fn": retry_if_it_may_pass}


@task(task_run_name="label {name}", cache_policy=NO_CACHE, **RETRIES)
def label(name: str, structures: tuple[Path, ...], labeler: AnyLabeler, place: Workspace) -> str:
    """Return the label key of one structure, computed if it is not in the store, or '' if labelling it failed.

    Args:
        name: the structure's id.
        structures: the files it is in one of.
        labeler: settings of the labeler.
        place: whose store and label folder are used.
    """
    logger = get_run_logger()
    cores = work.labeler_of(labeler).cores(work.structures_of(structures)[name])
    done = current_runner().submit(work.label, name, structures, labeler, place, cores=cores).result()
    for message in done.messages:
        logger.info(message)
    if not done.key:
        logger.warning("structure %s could not be labelled: %s", name, done.cause)
    return done.key


@task(task_run_name="choose {choice.k} by {choice.acquisition.kind}", cache_policy=NO_CACHE, **RETRIES)
def choose(choice: ChoiceInputs) -> tuple[str, ...]:
    """Return the ids of the structures a chain labels next."""
    known = known_choice(choice)
    return known if known is not None else current_runner().submit(work.choose, choice).result()


@task(task_run_name="train {cell.arm.kind} on {budget} of {chain}", cache_policy=NO_CACHE, **RETRIES)
def train_cell(cell: CellInputs, budget: int, chain: str) -> str:
    """Return the key of a finished cell: trained and evaluated, or found."""
    if Workspace(cell.out).cell(cell.key).exists():
        return cell.key
    return current_runner().submit(work.run_cell, cell).result()


@task(task_run_name="pretrain members {numbers} of {config.name}", cache_policy=NO_CACHE, **RETRIES)
def pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    """Train members of a source committee in one pass."""
    current_runner().submit(work.pretrain_members, config, data, out, numbers).result()


@task(task_run_name="describe {out.name}", cache_policy=NO_CACHE, **RETRIES)
def describe_committee(data: Path, out: Path, device: str) -> dict[str, Any]:
    """Return the errors of a source committee on the held out part of its data."""
    return current_runner().submit(work.describe_committee, data, out, device).result()


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
    atoms, ready = work.structures_of(structures), work.labeler_of(labeler)
    dearest_first = sorted(names, key=lambda name: -ready.estimate_core_seconds(atoms[name]))
    return {name: label.submit(name, structures, labeler, place) for name in dearest_first}


def labels_of(futures: dict[str, PrefectFuture[str]], steps: Steps) -> dict[str, str]:
    """Wait for labels; return {structure id: label key, or '' where it failed}."""
    keys = {}
    for name, future in futures.items():
        keys[name] = future.result()
        steps.done("labels")
    return keys
