"""Numbers as the report prints them."""

from collections.abc import Iterable

from al_core.studies.curves import Point, Spread
from al_core.studies.statistics import Reach

NO_BREAK = "\N{NO-BREAK SPACE}"
BOUNDS = {"": "", ">": f">{NO_BREAK}", "<=": f"≤{NO_BREAK}"}


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, and all before the point; the minus sign is typographic.

    Between 0.001 and 1 it has as many decimals as digits.
    """
    size, rounded = abs(value), 1 - 0.5 * 10 ** (1 - digits)
    decimals = next((one for one in range(digits) if size >= rounded * 10 ** (digits - 1 - one)), digits)
    text = f"{size:.{decimals}f}" if size >= 0.001 or size == 0 else f"{size:.2g}"
    return f"−{text}" if value < 0 and float(text) != 0 else text


def signed(value: float) -> str:
    """Return a number with its sign, a plus too."""
    return f"{'+' if value > 0 else ''}{number(value)}"


def reach_text(reach: Reach) -> str:
    """Return a number of labels with its bound, e.g. ``7.8``, ``> 8`` or ``≤ 1``."""
    whole = reach.bound or reach.labels >= 9.95
    return f"{BOUNDS[reach.bound]}{reach.labels:.{0 if whole else 1}f}"


def ratio_text(reach: Reach) -> str:
    """Return a ratio of labels with its bound, e.g. ``3.6`` or ``> 2``."""
    return f"{BOUNDS[reach.bound]}{reach.labels:.2g}"


def interval_text(low: Reach, high: Reach) -> str:
    """Return the interval of a ratio of labels."""
    ends = ratio_text(low), ratio_text(high)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends).replace(" ", NO_BREAK)


def ends_text(spread: Spread) -> str:
    """Return both ends of a spread."""
    return f"{number(spread.low)} to {number(spread.high)}".replace(" ", NO_BREAK)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, e.g. ``1 label`` or ``4 labels``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def hours(core_seconds: float) -> str:
    """Return processor time in core-seconds, from an hour on in core-hours."""
    if not core_seconds:
        return "nothing"
    if core_seconds < 3600:
        return f"{number(core_seconds)} core-seconds"
    return f"{number(core_seconds / 3600)} core-hours"


def spread_note(points: Iterable[Point]) -> str:
    """Return what the spread of these points is, in words."""
    found: dict[str, set[int]] = {}
    for point in points:
        found.setdefault(point.spread.kind, set()).add(len(point.seeds))
    words = {
        "t95": "95 % t interval of the mean over {} seeds",
        "range": "smallest to largest of {} seeds",
        "none": "none, as there is one seed",
    }
    notes = [words[kind].format(" or ".join(map(str, sorted(found[kind])))) for kind in words if kind in found]
    return "; ".join(notes) or "none, as nothing is finished"
