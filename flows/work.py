"""The functions that tasks give to a runner. Heavy libraries are imported where they run; Prefect is not."""

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from al_core.config.labelers import AnyLabeler
from al_core.config.sources import PretrainConfig
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.keys import CellInputs, ChoiceInputs
from al_core.studies.workspace import Workspace
from calculators.base import make_labeler


@dataclass(frozen=True)
class Labelling:
    """What came of labelling one structure.

    Attributes:
        key: of the label, or '' if the structure could not be labelled.
        cause: why it could not.
        messages: what happened meanwhile, a line each.
    """

    key: str
    cause: str
    messages: tuple[str, ...]


@functools.lru_cache(maxsize=4)
def _structures(files: tuple[Path, ...], _changed: tuple[int, ...]) -> dict[str, Atoms]:
    return {structure_id(atoms): atoms for file in files for atoms in read_structures(file)}


def structures_of(files: tuple[Path, ...]) -> dict[str, Atoms]:
    """Return {structure id: structure} of some files, which are read again when they have changed."""
    return _structures(files, tuple(file.stat().st_mtime_ns for file in files))


labeler_of = functools.lru_cache(maxsize=4)(make_labeler)


def label(name: str, files: tuple[Path, ...], labeler: AnyLabeler, place: Workspace) -> Labelling:
    """Label a structure of some files unless its label is in the workspace's store; see :func:`obtain_label`."""
    messages: list[str] = []

    def report(message: str) -> None:
        messages.append(message)
        sys.stderr.write(f"{message}\n")

    atoms = structures_of(files)[name]
    entry = obtain_label(LabelStore(place.store), labeler_of(labeler), atoms, place.label_files, log=report).entry
    return Labelling(entry.key if entry.label else "", entry.cause, tuple(messages))


def run_cell(cell: CellInputs) -> str:
    """Train and evaluate a cell; see :func:`al_core.studies.cells.run_cell`."""
    from al_core.studies import cells

    return cells.run_cell(cell)


def choose(choice: ChoiceInputs) -> tuple[str, ...]:
    """Choose structures; see :func:`al_core.studies.selections.choose`."""
    from al_core.studies import selections

    return selections.choose(choice)


def pretrain_members(config: PretrainConfig, data: Path, out: Path, numbers: Sequence[int]) -> None:
    """Train members of a source committee; see :func:`al_core.models.sources.pretraining.pretrain_members`."""
    from al_core.models.sources import pretraining

    pretraining.pretrain_members(config, data, out, numbers)


def describe_committee(data: Path, out: Path, device: str) -> dict[str, Any]:
    """Evaluate a source committee; see :func:`al_core.models.sources.pretraining.describe_committee`."""
    from al_core.models.sources import pretraining

    return pretraining.describe_committee(data, out, device)
