"""Colours and markers, the same in every figure of a report, in light and in dark."""

from collections.abc import Sequence
from dataclasses import dataclass

INK, SOFT, LINE, GRID = "#2b2b2b", "#66665f", "#b5b5b0", "#ecebe6"
BASELINE = "#404040"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star")
_LEVELS = (SOFT, "#aa4499", "#999933")
_ROUNDS = ("#f2a900", "#ee7f22", "#d9483b", "#b02a6b", "#6a2a86")
_SLICES = ("#332288", "#cc6677", "#117733", "#cc9922", "#5aaed6", "#882255", "#44aa99", "#999933", "#aa4499")

# what a colour of a figure becomes on a dark page; colours that are not here stay
DARK = {
    INK: "#e4e4df",
    SOFT: "#a8a8a0",
    LINE: "#6b6b66",
    GRID: "#33363b",
    BASELINE: "#c4c4be",
    "#0072b2": "#4ba3dc",
    "#d55e00": "#f0813a",
    "#009e73": "#2fc497",
    "#cc79a7": "#dd94bd",
    "#e69f00": "#f2b83a",
    "#56b4e9": "#93d0f5",
    "#f2a900": "#a86a1e",  # rounds: the last ones stand out most
    "#ee7f22": "#d97b2e",
    "#d9483b": "#f59a4a",
    "#b02a6b": "#fbc073",
    "#6a2a86": "#ffeab8",
    "#332288": "#9a90e8",  # slices of the test set
    "#cc6677": "#ea8c9b",
    "#117733": "#4fb878",
    "#44aa99": "#62cfbc",
    "#999933": "#c4c45c",
    "#882255": "#d9709f",
    "#aa4499": "#d98acb",
    "#ffffff": "#1b1d21",
}


@dataclass(frozen=True)
class ArmStyle:
    """Colour (hex) and marker of an arm or a test slice, the same in every figure of a report."""

    colour: str
    symbol: str


def arm_styles(arms: Sequence[str], baseline: str) -> dict[str, ArmStyle]:
    """Return the style of every arm: the baseline dark grey, the others from the palette of Okabe and Ito (2008).

    From the seventh on colours come again, with other markers.
    """
    others = [arm for arm in arms if arm != baseline]
    styles = {arm: ArmStyle(_COLOURS[i % 6], _SYMBOLS[1 + (i + i // 6) % 6]) for i, arm in enumerate(others)}
    return {**styles, baseline: ArmStyle(BASELINE, _SYMBOLS[0])}


def level_colours(count: int) -> list[str]:
    """Return the colours of lines that no arm draws: grey first, none of an arm."""
    return [_LEVELS[number % len(_LEVELS)] for number in range(count)]


def slice_styles(slices: Sequence[str]) -> dict[str, ArmStyle]:
    """Return the style of every test slice: P. Tol's muted colours (SRON, 2021), other than those of the arms."""
    return {name: ArmStyle(_SLICES[i % len(_SLICES)], _SYMBOLS[i % len(_SYMBOLS)]) for i, name in enumerate(slices)}


def round_colours(count: int) -> list[str]:
    """Return a colour for each of several rounds, in order; neighbours share one where there are more than five."""
    last = max(count - 1, 1)
    return [_ROUNDS[round(number * (len(_ROUNDS) - 1) / last)] for number in range(count)]


def round_styles(count: int) -> list[ArmStyle]:
    """Return the style of each of several rounds, in order: neighbours of one colour have other markers."""
    return [ArmStyle(colour, _SYMBOLS[i % len(_SYMBOLS)]) for i, colour in enumerate(round_colours(count))]


def faded(colour: str, opacity: float) -> str:
    """Return a colour with an opacity, as eight hexadecimal digits."""
    return f"{colour}{round(255 * opacity):02x}"
