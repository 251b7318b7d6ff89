"""Equation of state of the crystal against the reference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from al_core.report.figures import panels, shown_once
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.properties import drawn
from al_core.report.styles import INK, faded
from al_core.studies.results import PropertyRow

_KIND = "lattice"


def equation_of_state_section(view: Overview) -> Section | None:
    """Return energy over volume for every arm at its largest budget, a panel an arm."""
    reference = view.results.references.get(_KIND)
    expected = reference.details if reference else {}
    blocks = drawn(
        view,
        _KIND,
        "equation-of-state",
        "Equation of state, energy over volume",
        lambda arms: _figure(view, arms, expected),
    )
    if not blocks:
        return None
    html = fragment("sections/equation_of_state", blocks=blocks, has_reference=bool(expected))
    return Section("equation-of-state", "Equation of state", html)


def _figure(view: Overview, arms: Mapping[str, Sequence[PropertyRow]], expected: Mapping[str, Any]) -> go.Figure:
    figure = panels(list(arms))
    for column, (arm, rows) in enumerate(arms.items(), 1):
        line = {"color": faded(view.styles[arm].colour, 0.85), "width": 1.4}
        for row in rows:
            figure.add_trace(_curve(row.details, arm, line), 1, column)
        if expected:
            dotted = {"color": INK, "width": 1.6, "dash": "dot"}
            figure.add_trace(_curve(expected, "reference", dotted), 1, column)
        figure.update_xaxes(title_text="volume, Å³/atom", row=1, col=column)
    figure.update_xaxes(matches="x")
    figure.update_yaxes(title_text="energy, meV/atom", row=1, col=1)
    shown_once(figure)
    return figure


def _curve(details: Mapping[str, Any], name: str, line: Mapping[str, Any]) -> go.Scatter:
    """Return energies above the curve's own least one."""
    energies = 1e3 * np.array(details["energy_eV_per_atom"])
    hover = f"{name}: %{{x:.2f}} Å³/atom, %{{y:.1f}} meV/atom<extra></extra>"
    return go.Scatter(
        x=list(details["volume_A3_per_atom"]),
        y=list(energies - energies.min()),
        name=name,
        mode="lines",
        line={**line, "shape": "spline"},
        hovertemplate=hover,
    )
