"""Phonon dispersion and density of states against the reference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from al_core.report.figures import panels, shown_once
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.properties import drawn
from al_core.report.styles import GRID, INK, LINE, faded
from al_core.studies.results import PropertyRow

_KIND = "phonons"
_TALLER_PX = 110


def phonons_section(view: Overview) -> Section | None:
    """Return the dispersion of every arm at its largest budget, a panel an arm, and the densities of states."""
    reference = view.results.references.get(_KIND)
    expected = reference.details if reference and "dispersion" in reference.details else {}
    blocks = drawn(
        view,
        _KIND,
        _KIND,
        "Phonon dispersion, frequency along the path of wave vectors",
        lambda arms: _figure(view, arms, expected),
    )
    if not blocks:
        return None
    return Section(_KIND, "Phonons", fragment("sections/phonons", blocks=blocks, has_reference=bool(expected)))


def _figure(view: Overview, arms: Mapping[str, Sequence[PropertyRow]], expected: Mapping[str, Any]) -> go.Figure:
    first = next(iter(arms.values()))[0].details["dispersion"]
    path = expected.get("dispersion", first)
    with_dos = any(row.details.get("dos") for rows in arms.values() for row in rows)
    titles = [*arms, *(["density of states"] if with_dos else [])]
    figure = panels(titles, widths=[*([1.0] * len(arms)), *([0.6] if with_dos else [])])
    for column, (arm, rows) in enumerate(arms.items(), 1):
        line = {"color": faded(view.styles[arm].colour, 0.85), "width": 1.4}
        for row in rows:
            figure.add_trace(_bands(row.details["dispersion"], path, arm, line), 1, column)
            if row.details.get("dos"):
                figure.add_trace(_density(row.details["dos"], arm, line), 1, len(titles))
        figure.update_xaxes(_path_axis(path), row=1, col=column)
    line = {"color": INK, "width": 1.6, "dash": "dot"}
    if expected:
        for column in range(1, len(arms) + 1):
            figure.add_trace(_bands(expected["dispersion"], path, "reference", line), 1, column)
    if with_dos and expected.get("dos"):
        figure.add_trace(_density(expected["dos"], "reference", line), 1, len(titles))
    if with_dos:
        figure.update_xaxes(showticklabels=False, rangemode="tozero", row=1, col=len(titles))
    figure.update_yaxes(title_text="frequency, THz", row=1, col=1)
    figure.update_yaxes(zeroline=True, zerolinecolor=LINE, row=1)
    figure.update_layout(height=figure.layout.height + _TALLER_PX)
    shown_once(figure)
    return figure


def _path_axis(path: Mapping[str, Any]) -> dict[str, Any]:
    ends = [path["ticks"][0], path["ticks"][-1]]
    return {"tickvals": path["ticks"], "ticktext": path["labels"], "range": ends, "gridcolor": GRID}


def _bands(dispersion: Mapping[str, Any], path: Mapping[str, Any], name: str, line: Mapping[str, Any]) -> go.Scatter:
    """Return all bands as one line with gaps; wave vectors are drawn where the common path has them."""
    distance = np.interp(dispersion["distance"], dispersion["ticks"], path["ticks"])
    x: list[float | None] = []
    y: list[float | None] = []
    for band in dispersion["frequencies_THz"]:
        x += [*map(float, distance), None]
        y += [*map(float, band), None]
    hover = f"{name}: %{{y:.2f}} THz<extra></extra>"
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=dict(line), hovertemplate=hover)


def _density(dos: Mapping[str, Any], name: str, line: Mapping[str, Any]) -> go.Scatter:
    x, y = dos["density"], dos["frequency_THz"]
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=dict(line), hoverinfo="skip")
