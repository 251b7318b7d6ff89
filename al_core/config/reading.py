"""Reading configs: YAML and ``--set`` overrides into a validated model, every fault in one message.

This module imports nothing heavy, so that a wrong config is refused in well under a second.
"""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from ase.data import chemical_symbols
from pydantic import ValidationError

from al_core.config.base import KINDS, PATTERNS, Strict
from al_core.errors import ConfigError

T = TypeVar("T", bound=Strict)


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but a key that stands twice is an error: the first value would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<" and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)


def load_config(model: type[T], path: Path, overrides: tuple[str, ...] = ()) -> T:
    """Read a YAML config, apply ``key.path=value`` overrides and validate.

    Args:
        model: the config's class, e.g. :class:`StudyConfig`.
        path: the YAML file.
        overrides: as given to ``--set``; values are YAML (``budgets=[1,2]``).

    Raises:
        ConfigError: one message that lists every fault with its key.
    """
    data = read_yaml(Path(path), "config")
    apply_overrides(data, overrides)
    _check_command(model, data, path)
    return validate(model, data, str(path))


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Return the keys and values of a YAML file, not validated.

    Args:
        path: the file.
        what: messages call it.

    Raises:
        ConfigError: it cannot be read, or is something else.
    """
    if not path.is_file():
        raise ConfigError(f"{what} {path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} {path} is not YAML: {' '.join(str(error).split())}") from error
    if data is None:
        raise ConfigError(f"{what} {path} is empty")
    if not isinstance(data, dict):
        raise ConfigError(f"{what} {path}: expected keys and values, got a {type(data).__name__}")
    return data


def validate(model: type[T], data: dict[str, Any], where: str, below: str = "") -> T:
    """Return the config of a plain dictionary; see :func:`load_config` for the errors.

    Args:
        model: the config's class.
        data: its keys and values.
        where: what the message calls the config.
        below: the user sees only what is below this key, so the message leaves it out.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = dict.fromkeys(_described(fault, below) for fault in _root_causes(error.errors()))
        raise ConfigError("\n".join([f"config {where}:", *(f"  {line}" for line in lines)])) from error


def _check_command(model: type[T], data: dict[str, Any], path: Path) -> None:
    """Refuse a config of another command, which a key or its kind tells, by that."""
    own = {*model.model_fields, model.model_fields["kind"].default if "kind" in model.model_fields else ""}
    marks = [mark for mark in map(str, (*data, data.get("kind"))) if mark in _OF_COMMANDS]
    if marks and not own.intersection(marks):
        raise ConfigError(f"config {path} is one of `graft {_OF_COMMANDS[marks[0]]}`, as {marks[0]!r} says")


_COMPLETE_MESSAGES = (
    "unknown_key",
    "unknown_kind",
    "truth",
    "slice",
    "study",
    "labeler",
    "element",
    "elements",
    "map",
    "crystal",
    "slices",
    "vary",
    "url",
    "launcher",
    "spin",
    "limits",
    "growth",
    "window",
    "every_fs",
    "site",
    "jobs",
    "walltime",
    "architecture",
    "slice_name",
    "code",
    "calculator",
)
# a key, or kind, that configs of one command alone have
_OF_COMMANDS = {"purpose": "grow", "budgets": "study run", "pretrain": "pretrain", "convergence": "convergence"}


def _root_causes(faults: list[Any]) -> list[Any]:
    """Leave out a list's 'too short' where it is so only because its items are wrong."""
    locations = [fault["loc"] for fault in faults]
    return [
        fault
        for fault in faults
        if fault["type"] != "too_short"
        or not any(other[: len(fault["loc"])] == fault["loc"] != other for other in locations)
    ]


def _described(fault: Any, below: str) -> str:
    """Return one fault of a validation: key, what was expected, what was got."""
    parts = [str(part) for number, part in enumerate(fault["loc"]) if number == 0 or part not in KINDS]
    key = ".".join(parts[1:] if below and parts[:1] == [below] else parts)
    if fault["type"] == "missing":
        return f"{key}: is required (in the file, or with --set {key}=...)"
    if fault["type"] in _COMPLETE_MESSAGES:
        return f"{key}: {fault['msg']}" if key else fault["msg"]
    expected = fault["msg"].replace("Tuple", "List").replace("valid tuple", "list")
    if fault["type"] == "string_pattern_mismatch":
        expected = f"expected {PATTERNS[fault['ctx']['pattern']]}"
    if fault["type"] in ("tuple_type", "list_type") and isinstance(fault["input"], str | int | float):
        expected = f"expected a list, such as [{fault['input']}]"
    if fault["type"] == "model_type":
        expected = "input should be settings, {key: value}"
    return f"{key}: {expected[0].lower()}{expected[1:]}, got {fault['input']!r}"


def apply_overrides(data: dict[str, Any], overrides: tuple[str, ...]) -> None:
    """Change a config's dictionary in place by ``key.path=value`` texts.

    Raises:
        ConfigError: a text is not of that form, or its path does not fit the dictionary.
    """
    for override in overrides:
        _override(data, override)


def _override(data: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    if not sign or not key:
        raise ConfigError(f"--set {override}: expected key.path=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML") from error
    *parents, last = key.split(".")
    node: Any = data
    for parent in parents:
        node = _descend(node, parent, override)
    node[_index(node, last, override) if isinstance(node, list) else last] = value


def _descend(node: Any, part: str, override: str) -> Any:
    where: Any = _index(node, part, override) if isinstance(node, list) else part
    child = node[where] if isinstance(node, list) else node.get(part)
    if child is None:
        child = node[where] = {}
    elif isinstance(child, str):  # a bare kind, or an element where settings are to be
        child = node[where] = {} if child in chemical_symbols else {"kind": child}
    if not isinstance(child, dict | list):
        raise ConfigError(f"--set {override}: {part} is a value, it has no keys")
    return child


def _index(node: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(node):
        raise ConfigError(f"--set {override}: {part} is not an index of a list of {len(node)}")
    return int(part)
