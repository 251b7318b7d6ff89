"""What is measured of a material: numbers, and what figures are drawn from. Nothing heavy is imported."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


class NoPropertyError(Exception):
    """A property cannot be computed of this material; the message says why."""


@dataclass(frozen=True)
class Property:
    """One number that was computed of a material.

    Attributes:
        value: in ``unit``; None where it could not be computed.
        unit: as written behind a number.
        remark: why there is no value, or what it is worth.
        spread: standard deviation of the committee's members one by one; None where fewer than two have the property.
    """

    value: float | None
    unit: str
    remark: str = ""
    spread: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


Properties = dict[str, Property]


@dataclass(frozen=True)
class Measured:
    """What a method finds of a material.

    Attributes:
        properties: the numbers.
        details: what figures are drawn from, such as curves; JSON-ready.
    """

    properties: Properties
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Return what :meth:`as_dict` made."""
        return cls({name: Property(**one) for name, one in found["properties"].items()}, found["details"])
