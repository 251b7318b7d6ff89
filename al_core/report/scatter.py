"""Scatter plots of predictions: a panel an arm, a colour a test slice, both axes alike."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from al_core.report.figures import log_axis, log_ticks, panels, shown_once
from al_core.report.numbers import counted
from al_core.report.styles import LINE, ArmStyle, slice_styles
from al_core.studies.predictions import CellPredictions, Predicted, by_slice

Points = Mapping[str, Mapping[str, np.ndarray]]  # {arm: {slice: x and y, [2, n]}}

_MOST_POINTS = 1500  # of a panel: enough to see, few enough to send
_SEED = 0  # which points are drawn
_TALLER_PX = 90
_FONT_PX = 11  # so that titles of five panels fit on A4


def points_of(cells: Sequence[CellPredictions], values: Callable[[Predicted], np.ndarray]) -> Points:
    """Return the points of each arm and test slice, of all seeds together.

    Args:
        cells: predictions.
        values: from a structure to x and y of its points, [2, n].
    """
    arms: dict[str, list[Predicted]] = {}
    for cell in cells:
        arms.setdefault(cell.arm, []).extend(cell.structures)
    return {
        arm: {name: np.concatenate([values(one) for one in some], axis=1) for name, some in by_slice(members).items()}
        for arm, members in arms.items()
    }


def scatter_figure(
    points: Points,
    scores: Mapping[str, str],
    titles: tuple[str, str],
    logarithmic: bool = False,
    slope: float = 1.0,
) -> go.Figure:
    """Return the figure; with very many points, some of them.

    Args:
        points: of each panel.
        scores: what is written into an arm's panel.
        titles: of the x and the y axes.
        logarithmic: whether the axes are.
        slope: y / x on the line that is drawn.
    """
    styles = slice_styles(list(dict.fromkeys(name for some in points.values() for name in some)))
    ends = _ends(np.concatenate([part for some in points.values() for part in some.values()], axis=1), logarithmic)
    figure = panels(list(points))
    for column, (arm, some) in enumerate(points.items(), 1):
        line = go.Scatter(
            x=ends,
            y=[slope * end for end in ends],
            mode="lines",
            line={"color": LINE, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_trace(line, 1, column)
        figure.add_traces([_dots(arm, name, part, styles[name]) for name, part in _thinned(some).items()], 1, column)
        figure.add_annotation(text=scores.get(arm, ""), **_corner(column))
    axis = log_axis(*ends, _decades(*ends)) if logarithmic else {"range": list(ends), "nticks": 5}
    figure.update_xaxes(axis, title={"text": titles[0], "font": {"size": _FONT_PX}}, tickangle=0)
    figure.update_yaxes(axis)
    figure.update_yaxes(title_text=titles[1], col=1)
    figure.update_layout(height=figure.layout.height + _TALLER_PX)
    shown_once(figure)
    return figure


def thinning(points: Points) -> str:
    """Return a sentence on how many points are shown; '' where all are."""
    every = max(sum(part.shape[1] for part in some.values()) for some in points.values())
    if every <= _MOST_POINTS:
        return ""
    return f"Of {every:,} points of a panel {_MOST_POINTS:,} are drawn, chosen at random with a fixed seed."


def trained_on(cells: Sequence[CellPredictions], part: str) -> str:
    """Return a sentence on whose predictions are shown; ``part`` is the comparison and acquisition, in words."""
    seeds = counted(len({cell.seed for cell in cells}), "seed")
    return f"Committees trained on {counted(cells[0].budget, 'label')} ({part}), {seeds}."


def _dots(arm: str, name: str, part: np.ndarray, style: ArmStyle) -> go.Scatter:
    return go.Scatter(
        x=part[0],
        y=part[1],
        name=name,
        mode="markers",
        marker={"color": style.colour, "symbol": style.symbol, "size": 5, "opacity": 0.7},
        hovertemplate=f"{name}: %{{x:.3g}}, %{{y:.3g}}<extra>{arm}</extra>",
    )


def _thinned(some: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the points of each slice, float32 [2, n], drawn from all of the panel where there are too many."""
    owners = np.repeat(np.arange(len(some)), [part.shape[1] for part in some.values()])
    shown = np.sort(np.random.default_rng(_SEED).permutation(len(owners))[:_MOST_POINTS])
    every = np.concatenate(list(some.values()), axis=1).astype(np.float32)
    return {name: every[:, shown[owners[shown] == index]] for index, name in enumerate(some)}


def _corner(column: int) -> dict[str, object]:
    """Return where an annotation is in the upper left corner of a panel."""
    axis = "" if column == 1 else column
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0.03, "y": 0.97}
    look = {"showarrow": False, "bgcolor": "#ffffffcc", "font": {"size": _FONT_PX}}
    return {**place, **look, "xanchor": "left", "yanchor": "top"}


def _decades(low: float, high: float) -> list[float]:
    """Return the powers of ten within ``low``..``high``; round values where there are fewer than two."""
    powers = range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    return [10.0**power for power in powers] if len(powers) > 1 else log_ticks(low, high)


def _ends(values: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    """Return the ends of both axes, a little beyond all values."""
    if logarithmic:
        positive = values[values > 0]
        return (float(positive.min() / 1.3), float(positive.max() * 1.3)) if len(positive) else (0.1, 1.0)
    margin = 0.05 * (float(np.ptp(values)) or 1.0)
    return float(values.min()) - margin, float(values.max()) + margin
