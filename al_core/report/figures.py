"""What the figures of the report have in common: panels, axes, and how a figure gets onto the page."""

from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from al_core.report.page import fragment
from al_core.report.styles import GRID, INK, LINE
from al_core.studies.curves import Curve

_TICK_DIGITS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9))
_PANEL_PX = 210  # height of a panel
_NARROWEST_PX = 148  # width of a panel
_LEFT_PX, _TOP_PX, _BOTTOM_PX = 62, 42, 50
_AXIS = {"showline": True, "linecolor": LINE, "gridcolor": GRID, "zeroline": False, "fixedrange": True, "ticks": ""}


def error_range(curves: Iterable[Curve], levels: Iterable[float] = ()) -> tuple[float, float]:
    """Return the ends of a logarithmic axis that holds all seeds and spreads of the curves, and positive levels.

    A spread that reaches (nearly) to zero is cut at a third of the smallest value.
    """
    points = [point for curve in curves for point in curve.points]
    positive = [*(value for point in points for value in point.values if value > 0), *levels]
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


def log_axis(low: float, high: float, ticks: Sequence[float] = ()) -> dict[str, object]:
    """Return the settings of a logarithmic axis between two values; round ticks if none are given."""
    ticks = ticks or log_ticks(low, high)
    return {
        "type": "log",
        "tickvals": list(ticks),
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": [float(np.log10(low)), float(np.log10(high))],
    }


def panels(
    titles: Sequence[str], rows: int = 1, widths: Sequence[float] | None = None, alike: bool = True
) -> go.Figure:
    """Return an empty figure of small multiples.

    Args:
        titles: of the columns.
        rows: their number.
        widths: of the columns, relative.
        alike: whether a row has a common y axis and a column a common x axis.
    """
    figure = make_subplots(
        rows=rows,
        cols=len(titles),
        shared_xaxes="columns" if alike else False,
        shared_yaxes="rows" if alike else False,
        column_titles=list(titles),
        column_widths=None if widths is None else list(widths),
        horizontal_spacing=(0.1 if alike else 0.24) / max(len(titles), 2),
        vertical_spacing=(0.16 if alike else 0.44) / max(rows, 2),
    )
    figure.update_layout(
        template="none",
        font={"family": "system-ui, sans-serif", "size": 12, "color": INK},
        margin={"l": _LEFT_PX, "r": 10, "t": _TOP_PX, "b": _BOTTOM_PX},
        height=_TOP_PX + _BOTTOM_PX + rows * _PANEL_PX,
        showlegend=False,
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": INK}},
    )
    figure.update_xaxes(**_AXIS, title_standoff=8)
    figure.update_yaxes(**_AXIS, title_standoff=6)
    figure.update_annotations(font={"size": 12, "color": INK})
    return figure


def shown_once(figure: go.Figure) -> None:
    """Let the page's legend name each arm or test slice once; its button hides it in all panels."""
    seen: set[str] = set()
    for trace in figure.data:
        if trace.showlegend is not False:
            trace.showlegend = trace.name not in seen
            seen.add(trace.name)
        trace.legendgroup = trace.name


def colour_bar(title: str, low: float, high: float) -> dict[str, object]:
    """Return the settings of a colour bar between the logarithms of two values."""
    ticks = log_ticks(low, high)
    return {
        "title": {"text": title, "side": "top"},
        "thickness": 12,
        "outlinewidth": 0,
        "tickvals": np.log10(ticks).tolist(),
        "ticktext": [f"{tick:g}" for tick in ticks],
    }


def figure_html(figure: go.Figure, element_id: str, text: str, panel_px: int = _NARROWEST_PX) -> str:
    """Return a figure as an HTML fragment that the page's script draws.

    Args:
        figure: from :func:`panels`.
        element_id: of the element on the page.
        text: what the figure shows, for those who do not see it.
        panel_px: width that a panel has at least; a narrower page scrolls the figure.
    """
    columns = max(1, sum(str(name).startswith("xaxis") for name in figure.layout) // _rows(figure))
    return fragment(
        "figure",
        id=element_id,
        text=text,
        height=int(figure.layout.height),
        narrowest=_LEFT_PX + 10 + columns * panel_px,
        json=str(figure.to_json()).replace("<", "\\u003c"),
    )


def plotly_script() -> str:
    """Return the source of plotly.js."""
    return str(get_plotlyjs())


def _rows(figure: go.Figure) -> int:
    return len({axis.domain for axis in figure.select_yaxes()})
