"""Reference values of properties: what ``graft properties --json`` wrote of another potential of the same element."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase.data import atomic_numbers

from al_core.config.base import nearest
from al_core.config.evaluation import AnyProperties
from al_core.errors import ConfigError
from al_core.evaluation.material import crystal_name
from al_core.evaluation.measured import Measured, Property
from al_core.structures.datasets import ASSETS

_OF_FILE = ("element", "potential", "labeler", "cost", "settings", "details")
_CRYSTAL = "crystal"  # files of before have none: those of elements are of the element's own
_OF_PROPERTY = ("value", "unit", "remark", "spread", "evaluation")


@dataclass(frozen=True)
class Reference:
    """What is known of a potential that others are measured against.

    Attributes:
        potential: its name.
        labeler: identity of the labeler it is; empty for a model.
        measured: by kind of evaluation.
        settings: of each kind, JSON-ready.
    """

    potential: str
    labeler: dict[str, Any]
    measured: dict[str, Measured]
    settings: dict[str, Any]

    def values(self) -> dict[str, float]:
        """Return {property: value} of all kinds."""
        found = {name: one.value for kind in self.measured.values() for name, one in kind.properties.items()}
        return {name: value for name, value in found.items() if value is not None}


def shipped_reference(name: str) -> Path:
    """Return the file of properties shipped with Graft.

    Raises:
        ConfigError: there are none of that name.
    """
    known = sorted(file.stem for file in (ASSETS / "properties").glob("*.json"))
    if name not in known:
        raise ConfigError(f"no properties {name!r} are shipped{nearest(name, known)}")
    return ASSETS / "properties" / f"{name}.json"


def reference_file(given: str) -> Path:
    """Return a file of properties that is named by its path, or by the name of shipped ones.

    Raises:
        ConfigError: it looks like a name, and none of that name are shipped.
    """
    path = Path(given)
    return path if path.suffix or path.exists() else shipped_reference(given)


def as_file(
    formula: str,
    crystal: str,
    potential: str,
    labeler: Mapping[str, Any],
    settings: Mapping[str, AnyProperties],
    measured: Mapping[str, Measured],
    cost: Mapping[str, float],
) -> dict[str, Any]:
    """Return what ``graft properties --json`` prints, JSON-ready; see :class:`Reference` for the arguments.

    ``crystal`` is the name of the crystal, such as ``diamond``. ``cost`` is what was paid for the labels of a labeler:
    ``labels`` and ``core_seconds``.
    """
    rows = {
        name: {**one.as_dict(), "evaluation": kind}
        for kind, found in measured.items()
        for name, one in found.properties.items()
    }
    return {
        "element": formula,
        _CRYSTAL: crystal,
        "potential": potential,
        "labeler": dict(labeler),
        "cost": dict(cost),
        "settings": {kind: one.model_dump(mode="json") for kind, one in settings.items()},
        **rows,
        "details": {kind: found.details for kind, found in measured.items() if found.details},
    }


def read_reference(file: Path, formula: str, structure: str | None = None) -> Reference:
    """Return what is in a file; formula and structure as of :class:`~al_core.evaluation.material.Material`.

    Raises:
        ConfigError: the file is none, or of another element, compound or crystal.
    """
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"reference {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"reference {file} is not JSON: {error}") from error
    if not isinstance(found, dict) or any(key not in found for key in _OF_FILE):
        raise ConfigError(f"reference {file}: expected what graft properties --json prints, with {', '.join(_OF_FILE)}")
    if found["element"] != formula:
        raise ConfigError(f"reference {file} is of {found['element']}, expected {formula}")
    ours = crystal_name(formula, structure)
    theirs = found.get(_CRYSTAL) or (crystal_name(formula, None) if formula in atomic_numbers else ours)
    if ours != theirs:
        raise ConfigError(f"reference {file} is of {formula} as {theirs}, expected {ours}")
    measured: dict[str, Measured] = {}
    for name, one in found.items():
        if name not in (*_OF_FILE, _CRYSTAL):
            if not isinstance(one, dict) or any(key not in one for key in _OF_PROPERTY):
                raise ConfigError(f"reference {file}: {name} has no {', '.join(_OF_PROPERTY)}: expected a property")
            kind = str(one["evaluation"])
            known = measured.setdefault(kind, Measured({}, found["details"].get(kind, {})))
            known.properties[name] = Property(one["value"], one["unit"], one["remark"], one["spread"])
    return Reference(str(found["potential"]), found["labeler"], measured, found["settings"])
