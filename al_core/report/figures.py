"""The figures of the report, drawn with plotly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from al_core.studies.curves import Curve

_BASELINE_COLOUR = "#404040"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star")
_TICK_DIGITS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9))


@dataclass(frozen=True)
class ArmStyle:
    """Colour (hex) and marker of an arm, the same in every figure of a report."""

    colour: str
    symbol: str


def arm_styles(arms: Sequence[str], baseline: str) -> dict[str, ArmStyle]:
    """Return the style of every arm: the baseline dark grey, the others from the palette of Okabe and Ito (2008)."""
    others = [arm for arm in arms if arm != baseline]
    styles = {arm: ArmStyle(_COLOURS[i % 6], _SYMBOLS[1 + i % 6]) for i, arm in enumerate(others)}
    return {**styles, baseline: ArmStyle(_BASELINE_COLOUR, _SYMBOLS[0])}


def error_range(curves: Iterable[Curve]) -> tuple[float, float]:
    """Return the ends of a logarithmic axis that holds all seeds and spreads of the curves, in their unit.

    A spread that reaches (nearly) to zero is cut at a third of the smallest value.
    """
    points = [point for curve in curves for point in curve.points]
    positive = [value for point in points for value in point.values if value > 0]
    if not positive:
        return 0.1, 1.0
    low = max(min([point.spread.low for point in points] + positive), min(positive) / 3)
    high = max([point.spread.high for point in points] + positive)
    return low / 1.15, high * 1.15


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values within ``low``..``high`` for a logarithmic axis, at least four where there are as many."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks: list[float] = []
    for digits in _TICK_DIGITS:
        values = np.outer(decades, digits).ravel()
        ticks = [float(f"{value:.3g}") for value in values if low <= value <= high]
        if len(ticks) >= 4:
            break
    return ticks


def learning_curve_figure(
    curves: Sequence[Curve],
    budgets_labels: Sequence[int],
    styles: dict[str, ArmStyle],
    errors: tuple[float, float],
    quantity: str,
    unit: str,
) -> go.Figure:
    """Draw the learning curves of all arms on logarithmic axes.

    Args:
        curves: one per arm.
        budgets_labels: the study's budgets, ascending; exactly these are the ticks.
        styles: of every arm.
        errors: ends of the error axis, in ``unit``.
        quantity, unit: what the curves show, e.g. ``force MAE`` and ``meV/Å``.

    Returns:
        A figure with, for each arm, the spread as a band, the seeds as faint dots, the mean as a line.
    """
    figure = go.Figure()
    for curve in curves:
        style = styles[curve.arm]
        shared = {"legendgroup": curve.arm, "name": curve.arm, "showlegend": False}
        labels = [point.budget_labels for point in curve.points]
        ends = [*(point.spread.high for point in curve.points), *(point.spread.low for point in curve.points[::-1])]
        figure.add_scatter(
            x=labels + labels[::-1],
            y=[max(end, errors[0]) for end in ends],
            fill="toself",
            fillcolor=_faded(style.colour, 0.13),
            line={"color": _faded(style.colour, 0.3), "width": 1},
            mode="lines",
            hoverinfo="skip",
            **shared,
        )
        figure.add_scatter(
            x=[point.budget_labels for point in curve.points for _ in point.values],
            y=[value for point in curve.points for value in point.values],
            text=[f"seed {seed}" for point in curve.points for seed in point.seeds],
            hovertemplate=f"{curve.arm}, %{{text}}: %{{y:.3g}} {unit}<extra></extra>",
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 6, "opacity": 0.35},
            **shared,
        )
        figure.add_scatter(
            x=labels,
            y=[point.mean for point in curve.points],
            customdata=[[point.spread.low, point.spread.high, len(point.seeds)] for point in curve.points],
            hovertemplate=(
                f"<b>{curve.arm}</b>, %{{x}} labels: %{{y:.3g}} {unit}<br>"
                "%{customdata[0]:.3g} to %{customdata[1]:.3g}, seeds: %{customdata[2]}<extra></extra>"
            ),
            mode="lines+markers",
            line={"color": style.colour, "width": 2.2},
            marker={"color": style.colour, "symbol": style.symbol, "size": 8},
            **{**shared, "showlegend": True},
        )
    _lay_out(figure, budgets_labels, errors, f"{quantity}, {unit}")
    return figure


def figure_html(figure: go.Figure, element_id: str) -> str:
    """Return a figure as an HTML fragment that needs :func:`plotly_script` once before it on the page."""
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=element_id,
            default_width="100%",
            default_height="420px",
            config={"displayModeBar": False, "responsive": True, "scrollZoom": False},
        )
    )


def plotly_script() -> str:
    """Return the source of plotly.js."""
    return str(get_plotlyjs())


def _lay_out(figure: go.Figure, budgets: Sequence[int], errors: tuple[float, float], title: str) -> None:
    axis = {"type": "log", "showline": True, "linecolor": "#b5b5b0", "gridcolor": "#ecebe6", "fixedrange": True}
    ends = np.log10([budgets[0], budgets[-1]])
    margin = max(0.06 * (ends[1] - ends[0]), 0.05)
    ticks = log_ticks(*errors)
    figure.update_layout(
        template="none",
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#2b2b2b"},
        paper_bgcolor="white",
        plot_bgcolor="white",
        margin={"l": 62, "r": 12, "t": 36, "b": 48},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"bgcolor": "white"},
        xaxis={
            **axis,
            "title": {"text": "labels"},
            "tickvals": list(budgets),
            "ticktext": [str(budget) for budget in budgets],
            "range": [float(ends[0] - margin), float(ends[1] + margin)],
        },
        yaxis={
            **axis,
            "title": {"text": title},
            "tickvals": ticks,
            "ticktext": [f"{tick:g}" for tick in ticks],
            "range": [float(np.log10(errors[0])), float(np.log10(errors[1]))],
        },
    )


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
