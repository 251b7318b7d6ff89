"""The functions that tasks give to a runner. Heavy libraries are imported where they run; Prefect is not."""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from al_core.config.labelers import AnyLabeler
from al_core.config.sources import PretrainConfig
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.learning.steps import LabelOutcome, SelectionOutcome
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies import features
from al_core.studies.expectations import TransferabilityInputs, write_transferability
from al_core.studies.features import MappedInputs
from al_core.studies.keys import (
    CalibrationInputs,
    EvaluationInputs,
    ExplorationInputs,
    ModelInputs,
    ReferenceInputs,
    SelectionInputs,
)
from al_core.studies.pool_map import MapInputs, make_pool_map
from al_core.studies.workspace import Workspace
from al_core.studies.zero_shot import ZeroShotInputs
from al_core.uncertainty.calibration import Calibration
from calculators.base import make_labeler


@functools.lru_cache(maxsize=4)
def _structures(files: tuple[Path, ...], _changed: tuple[int, ...]) -> dict[str, Atoms]:
    return {structure_id(atoms): atoms for file in files for atoms in read_structures(file)}


def structures_of(files: tuple[Path, ...]) -> dict[str, Atoms]:
    """Return {structure id: structure} of some files, which are read again when they have changed."""
    return _structures(files, tuple(file.stat().st_mtime_ns for file in files))


labeler_of = functools.lru_cache(maxsize=4)(make_labeler)


def label(
    name: str, files: tuple[Path, ...], labeler: AnyLabeler, workspace: Workspace
) -> tuple[LabelOutcome, tuple[str, ...]]:
    """Label a structure of some files unless its label is in the workspace's store; see :func:`obtain_label`.

    Returns:
        What came of it, and what happened meanwhile, a line each.
    """
    messages: list[str] = []

    def report(message: str) -> None:
        messages.append(message)
        sys.stderr.write(f"{message}\n")

    atoms = structures_of(files)[name]
    obtained = obtain_label(LabelStore(workspace.store), labeler_of(labeler), atoms, workspace.label_files, log=report)
    return LabelOutcome.of(obtained), tuple(messages)


def select(inputs: SelectionInputs) -> SelectionOutcome:
    """Select structures; see :func:`al_core.learning.local.attempt_selection`."""
    from al_core.learning import local

    return local.attempt_selection(inputs)


def train(inputs: ModelInputs) -> str:
    """Train a committee; see :func:`al_core.studies.committees.train_committee`."""
    from al_core.studies import committees

    return committees.train_committee(inputs)


def evaluate(evaluations: Sequence[EvaluationInputs]) -> list[str]:
    """Evaluate committees; see :func:`al_core.studies.evaluations.evaluate_committee`."""
    from al_core.studies.evaluations import evaluate_committee

    return [evaluate_committee(inputs) for inputs in evaluations]


def calibrate(inputs: CalibrationInputs) -> Calibration:
    """Calibrate a committee; see :func:`al_core.studies.calibrations.calibrate_committee`."""
    from al_core.studies import calibrations

    return calibrations.calibrate_committee(inputs)


def explore(inputs: ExplorationInputs) -> None:
    """Let walkers move; see :func:`al_core.studies.explorations.explore_committee`."""
    from al_core.studies import explorations

    explorations.explore_committee(inputs)


def deliver(model: ModelInputs, calibration: Calibration) -> None:
    """Write what a growth is for; see :func:`al_core.studies.delivery.deliver`."""
    from al_core.studies import delivery

    delivery.deliver(model, calibration)


def map_pool(inputs: MapInputs) -> None:
    """Map pool and test set; see :func:`al_core.studies.pool_map.make_pool_map`."""
    make_pool_map(inputs)


def transferability(inputs: TransferabilityInputs) -> None:
    """Estimate what arms make of their sources; see :mod:`al_core.studies.expectations`."""
    write_transferability(inputs)


def map_structures(inputs: MappedInputs) -> None:
    """Compute where structures lie; see :func:`al_core.studies.features.map_structures`."""
    features.map_structures(inputs)


def reference(inputs: ReferenceInputs, labeler: AnyLabeler) -> None:
    """Compute a reference; see :func:`al_core.studies.references.compute_reference`."""
    from al_core.studies import references

    references.compute_reference(inputs, labeler_of(labeler))


def zero_shot(inputs: ZeroShotInputs, labeler: AnyLabeler) -> None:
    """Measure a potential as it is; see :func:`al_core.studies.zero_shot.evaluate_zero_shot`."""
    from al_core.studies.zero_shot import evaluate_zero_shot

    evaluate_zero_shot(inputs, labeler_of(labeler))


def pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    """Train members of a source committee; see :func:`al_core.models.sources.pretraining.pretrain_members`."""
    from al_core.models.sources import pretraining

    pretraining.pretrain_members(config, data, out, numbers)


def describe_committee(data: Path, out: Path, device: str) -> dict[str, Any]:
    """Evaluate a source committee; see :func:`al_core.models.sources.pretraining.describe_committee`."""
    from al_core.models.sources import pretraining

    return pretraining.describe_committee(data, out, device)
