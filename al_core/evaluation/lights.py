"""Traffic lights of properties: is a deviation from the reference good, fair or bad?"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal

from al_core.config.base import nearest
from al_core.config.lights import LightsConfig, Limits
from al_core.config.reading import load_config
from al_core.errors import ConfigError

Light = Literal["good", "fair", "bad"]
_OWN = Path(__file__).with_suffix(".yaml")
_GOOD = 0.25  # of the way from the good end to the bad one: up to there the light is good


@cache
def own_lights() -> Mapping[str, Limits]:
    """Return the table that comes with Graft, ``lights.yaml`` beside this module."""
    return load_config(LightsConfig, _OWN).properties


def read_lights(file: Path) -> Mapping[str, Limits]:
    """Return the table of a file; what it does not name is as in :func:`own_lights`.

    Raises:
        ConfigError: the file cannot be read, has a wrong key or value, or names what is no property.
    """
    given, own = load_config(LightsConfig, file).properties, own_lights()
    for name in given:
        if _limits(name, own) is None and not any(fnmatchcase(known, name) for known in own):
            raise ConfigError(f"config {file}: properties: no property is called {name!r}{nearest(name, list(own))}")
    return {**given, **{name: limits for name, limits in own.items() if name not in given}}


def light(name: str, value: float, reference: float, table: Mapping[str, Limits] | None = None) -> Light | None:
    """Return the traffic light of a property, or None for one without limits.

    ``good``: the deviation is at most a quarter of the way from the good end to the bad one. ``bad``: it is at the bad
    end or beyond. ``fair``: between.

    Args:
        name: of the property.
        value: in its unit.
        reference: likewise.
        table: see :func:`read_lights`; :func:`own_lights` if not given.
    """
    limits = _limits(name, own_lights() if table is None else table)
    if limits is None or (limits.percent and not reference):
        return None
    deviation = abs(value - reference) * (100 / abs(reference) if limits.percent else 1)
    if deviation >= limits.bad:
        return "bad"
    return "good" if deviation <= limits.good + _GOOD * (limits.bad - limits.good) else "fair"


def _limits(name: str, table: Mapping[str, Limits]) -> Limits | None:
    """Return the limits of a name: its own, or those of the first pattern it fits."""
    if name in table:
        return table[name]
    return next((limits for pattern, limits in table.items() if fnmatchcase(name, pattern)), None)
