"""Records of finished steps, read back without torch. One that is cut off, or lacks what it should have, is as none."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_core.errors import StoreError
from al_core.evaluation.measured import Measured
from al_core.models.card import CARD, WEIGHTS
from al_core.storage.files import read_json

OTHER_KINDS = (AttributeError, KeyError, TypeError, ValueError)
"""What parts of a record raise that are not of the kind they should be."""


@dataclass(frozen=True)
class ModelRecord:
    """What is known of a trained committee.

    Attributes:
        labels: keys of the labels it was trained on.
        core_seconds: processor time of its training.
        failure: why it could not be trained; '' for a committee that is there.
    """

    labels: tuple[str, ...]
    core_seconds: float
    failure: str


@dataclass(frozen=True)
class EvaluationRecord:
    """What an evaluation of the errors on the test set found.

    Attributes:
        metrics: {slice: {metric: value}}; the metrics' names end with their units.
        members: force MAE of each member, mean over slices, meV/Å.
        failure: why the committee could not be evaluated; the others are empty then.
    """

    metrics: dict[str, dict[str, float]]
    members: tuple[float, ...]
    failure: str = ""


@dataclass(frozen=True)
class ZeroShotRecord:
    """How large the errors of a potential are, as it is.

    Attributes:
        metrics: as :class:`EvaluationRecord` has them.
        notes: what a reader should know of the potential, a sentence each.
        core_seconds: processor time of its predictions.
    """

    metrics: dict[str, dict[str, float]]
    notes: tuple[str, ...]
    core_seconds: float


@dataclass(frozen=True)
class PropertyRecord:
    """What an evaluation of properties found.

    Attributes:
        measured: the properties, and what figures are drawn from.
        wall_s: how long it took, s.
        failure: why the committee could not be evaluated; there are no properties then.
    """

    measured: Measured
    wall_s: float
    failure: str = ""


@dataclass(frozen=True)
class Cell:
    """One committee at one budget.

    Attributes:
        model: its model key; '' where the label set did not grow so far.
        evaluations: evaluation key of each kind.
        failure: why there is no committee, or no evaluation of it; '' for a finished cell.
    """

    model: str
    evaluations: dict[str, str]
    failure: str = ""


def read_whole(path: Path) -> Any | None:
    """Return what is in a JSON file; None where there is none, or half of one: what it held is made again.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        return read_json(path)
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from error


def read_record(path: Path, *required: str) -> dict[str, Any] | None:
    """Return a JSON object with the required keys, None where there is none; see :func:`read_whole`."""
    record = read_whole(path)
    return record if isinstance(record, dict) and all(key in record for key in required) else None


def model_record(folder: Path) -> ModelRecord | None:
    """Return the record of a committee's folder, None where it is not trained or some of its files are gone."""
    record = read_record(folder / "training.json", "labels", "members", "core_seconds", "failure")
    if record is None:
        return None
    with contextlib.suppress(*OTHER_KINDS):
        if has_members(folder, record["members"]):
            return ModelRecord(tuple(record["labels"]), float(record["core_seconds"]), str(record["failure"]))
    return None


def has_members(folder: Path, numbers: Sequence[int]) -> bool:
    """Return whether the files of these members are there."""
    files = [folder / f"member-{number}" / name for number in numbers for name in (CARD, WEIGHTS)]
    return all(file.is_file() for file in files)


def evaluation_record(path: Path) -> EvaluationRecord | None:
    """Return the record of an evaluation of errors, or of a cell of earlier versions; None where there is none."""
    record = read_record(path, "metrics", "members_force_mae_meV_per_A")
    if record is None:
        return None
    with contextlib.suppress(*OTHER_KINDS):
        members, failure = tuple(record["members_force_mae_meV_per_A"]), str(record.get("failure", ""))
        metrics = {name: dict(errors) for name, errors in record["metrics"].items()}
        if failure or "all" in metrics:
            return EvaluationRecord(metrics, members, failure)
    return None


def zero_shot_record(path: Path) -> ZeroShotRecord | None:
    """Return the record of a potential that was measured as it is; None where there is none."""
    errors, record = evaluation_record(path), read_record(path, "notes", "core_seconds")
    with contextlib.suppress(*OTHER_KINDS):
        if errors and record:
            return ZeroShotRecord(errors.metrics, tuple(map(str, record["notes"])), float(record["core_seconds"]))
    return None


def property_record(path: Path) -> PropertyRecord | None:
    """Return the record of an evaluation of properties; None where there is none."""
    record = read_record(path, "properties", "details", "wall_s", "failure")
    if record is None:
        return None
    with contextlib.suppress(*OTHER_KINDS):
        return PropertyRecord(Measured.from_dict(record), float(record["wall_s"]), str(record["failure"]))
    return None


def reference_record(path: Path) -> Measured | None:
    """Return a reference; None where there is none."""
    record = read_record(path, "properties", "details")
    if record is None:
        return None
    with contextlib.suppress(*OTHER_KINDS):
        return Measured.from_dict(record)
    return None
