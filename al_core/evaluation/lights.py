"""Traffic lights of properties: how near a value is to its reference."""

from typing import Literal

_GOOD, _FAIR = 0.05, 0.15  # relative deviations


def light(name: str, value: float, reference: float) -> Literal["good", "fair", "bad"] | None:  # noqa: ARG001
    """Return how near a property is to its reference, None where that cannot be said relative to zero."""
    if not reference:
        return None
    off = abs(value / reference - 1)
    return "good" if off <= _GOOD else "fair" if off <= _FAIR else "bad"
