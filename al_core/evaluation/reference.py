"""Reference values of properties: what ``graft properties --json`` wrote of another potential of the same element."""

import json
from pathlib import Path

from al_core.errors import ConfigError


def read_reference(file: Path, element: str) -> dict[str, float]:
    """Return {property: value} of a file.

    Raises:
        ConfigError: the file is none, or of another element.
    """
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"reference {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"reference {file} is not JSON: {error}") from error
    if not isinstance(found, dict) or "element" not in found:
        raise ConfigError(f"reference {file}: expected what graft properties --json prints, with an element")
    if found["element"] != element:
        raise ConfigError(f"reference {file} is of {found['element']}, the potential is of {element}")
    values = {name: one.get("value") for name, one in found.items() if isinstance(one, dict)}
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
