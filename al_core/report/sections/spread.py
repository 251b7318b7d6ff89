"""Does a committee know how wrong it is? Its spread against its error."""

import numpy as np
import plotly.graph_objects as go

from al_core.report.figures import figure_html, log_axis, panels, shown_once
from al_core.report.overview import FORCE_DEVIATION, FORCE_MAE, Overview, Part
from al_core.report.page import Section, fragment
from al_core.report.styles import SOFT

# mean of |x| of a normal distribution, for one of the three components that the deviation adds up
_EXPECTED = float(np.sqrt(2 / np.pi) / np.sqrt(3))


def spread_by_slice(view: Overview) -> Section | None:
    """Return the force error against the committee's force deviation, a point for each test slice, seed and budget."""
    parts = [part for part in view.finished_parts() if _pairs(view, part)]
    if not parts:
        return None
    text = "Force error against the spread of the committee, one point for each test slice, seed and budget."
    html = fragment("sections/spread", figure=figure_html(_figure(view, parts), "spread-error", text))
    return Section("spread", "Committee spread against error", html)


def _pairs(view: Overview, part: Part) -> dict[str, list[tuple[float, float, str]]]:
    """Return {arm: (force deviation, force MAE, what it is)}, meV/Å, where both are above zero."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for row in view.results.rows:
        if (row.comparison, row.acquisition) != (part.comparison, part.acquisition):
            continue
        for name, values in row.metrics.items():
            spread, error = values.get(FORCE_DEVIATION, 0.0), values[FORCE_MAE]
            if name != "all" and spread > 0 and error > 0:
                found.setdefault(row.arm, []).append((spread, error, f"{name}, {row.budget} labels, seed {row.seed}"))
    return found


def _figure(view: Overview, parts: list[Part]) -> go.Figure:
    figure = panels([part.title.replace(", ", "<br>") for part in parts])
    found = [_pairs(view, part) for part in parts]
    everything = [point for pairs in found for points in pairs.values() for point in points]
    x_ends = min(point[0] for point in everything) / 1.2, max(point[0] for point in everything) * 1.2
    y_ends = min(point[1] for point in everything) / 1.2, max(point[1] for point in everything) * 1.2
    for column, pairs in enumerate(found, 1):
        line = go.Scatter(
            x=list(x_ends),
            y=[_EXPECTED * end for end in x_ends],
            name="as the spread says",
            mode="lines",
            line={"color": SOFT, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
        figure.add_trace(line, 1, column)
        for arm, points in pairs.items():
            dots = go.Scatter(
                x=[point[0] for point in points],
                y=[point[1] for point in points],
                text=[point[2] for point in points],
                name=arm,
                mode="markers",
                marker={"color": view.styles[arm].colour, "symbol": view.styles[arm].symbol, "size": 6, "opacity": 0.6},
                hovertemplate=f"<b>{arm}</b>, %{{text}}<br>spread %{{x:.3g}}, error %{{y:.3g}} meV/Å<extra></extra>",
            )
            figure.add_trace(dots, 1, column)
    figure.update_xaxes(log_axis(*x_ends), title_text="force spread, meV/Å", matches="x")
    figure.update_yaxes(log_axis(*y_ends))
    figure.update_yaxes(title_text="force MAE, meV/Å", col=1)
    figure.update_layout(height=figure.layout.height + 90)
    shown_once(figure)
    return figure
