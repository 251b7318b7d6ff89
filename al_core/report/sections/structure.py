"""Structure and dynamics of crystal and melt against the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from al_core.report.figures import panels, shown_once
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.properties import drawn
from al_core.report.styles import INK, faded
from al_core.studies.results import PropertyRow

_KIND = "structure"


@dataclass(frozen=True)
class _Curve:
    """A kind of curve: its name in the details, the names of x and y there, and the titles of panel and axis."""

    name: str
    x: str
    y: str
    title: str
    axis: str


_CURVES = (
    _Curve("rdf", "r_A", "g", "radial distribution", "distance, Å"),
    _Curve("angles", "degree", "density", "angles between bonds", "angle, °"),
    _Curve("msd", "time_ps", "msd_A2", "mean square<br>displacement, Å²", "time, ps"),
    _Curve("vdos", "frequency_THz", "density", "vibrational density<br>of states", "frequency, THz"),
)


def structure_section(view: Overview) -> Section | None:
    """Return the curves of every arm at its largest budget, a row for each temperature."""
    reference = view.results.references.get(_KIND)
    expected = reference.details if reference else {}
    blocks = drawn(
        view,
        _KIND,
        _KIND,
        "Radial distribution, angles, displacement and vibrations by temperature",
        lambda arms: _figure(view, arms, expected),
    )
    if not blocks:
        return None
    html = fragment("sections/structure", blocks=blocks, has_reference=bool(expected))
    return Section(_KIND, "Structure and dynamics", html)


def _figure(view: Overview, arms: Mapping[str, Sequence[PropertyRow]], expected: Mapping[str, Any]) -> go.Figure:
    cases = list(dict.fromkeys(case for rows in arms.values() for row in rows for case in row.details))
    figure = panels([curve.title for curve in _CURVES], rows=len(cases), alike=False)
    for number, case in enumerate(cases, 1):
        for column, curve in enumerate(_CURVES, 1):
            for arm, rows in arms.items():
                line = {"color": faded(view.styles[arm].colour, 0.85), "width": 1.6}
                lines = [_line(row.details[case], curve, arm, line) for row in rows if case in row.details]
                figure.add_traces(lines, number, column)
            if case in expected:
                line = {"color": INK, "width": 1.6, "dash": "dot"}
                figure.add_trace(_line(expected[case], curve, "reference", line), number, column)
            figure.update_xaxes(title_text=curve.axis, row=number, col=column)
        figure.update_yaxes(title_text=case, row=number, col=1)
    figure.update_yaxes(rangemode="tozero", nticks=4)
    shown_once(figure)
    return figure


def _line(details: Mapping[str, Any], curve: _Curve, name: str, line: Mapping[str, Any]) -> go.Scatter:
    found = details[curve.name]
    hover = f"{name}: %{{y:.3g}}<extra></extra>"
    return go.Scatter(x=found[curve.x], y=found[curve.y], name=name, mode="lines", line=dict(line), hovertemplate=hover)
