"""Learning curves as small multiples: a row for each kind of error, a column for each comparison and acquisition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from al_core.report.figures import error_range, figure_html, log_axis, panels, shown_once
from al_core.report.numbers import counted, number, spread_note
from al_core.report.overview import ENERGY_MAE, FORCE_DEVIATION, FORCE_MAE, PRESSURE_BIAS, STRESS_MAE, Overview, Part
from al_core.report.page import Section, fragment
from al_core.report.styles import ArmStyle, faded, level_colours
from al_core.report.tables import budget_table, exponent_table
from al_core.report.zero_shot import zero_shot_sentences
from al_core.studies.curves import Curve, rises


@dataclass(frozen=True)
class Quantity:
    """A kind of error: the metric, its name and unit, and how its table is to be read."""

    metric: str
    name: str
    unit: str
    meaning: str


QUANTITIES = (
    Quantity(FORCE_MAE, "force MAE", "meV/Å", "Force MAE in meV/Å. Lower is better."),
    Quantity(ENERGY_MAE, "energy MAE", "meV/atom", "Energy MAE in meV/atom. Lower is better."),
    Quantity(STRESS_MAE, "stress MAE", "GPa", "MAE of the six stress components in GPa. Lower is better."),
)
TABLES = (
    *QUANTITIES,
    Quantity(PRESSURE_BIAS, "pressure", "GPa", "Mean of predicted minus labelled pressure in GPa; zero is best."),
    Quantity(
        FORCE_DEVIATION,
        "disagreement of the committees",
        "meV/Å",
        "Force standard deviation over a committee's members in meV/Å, mean over atoms. Members that hardly differ "
        "cannot tell what they do not know.",
    ),
)


def learning_section(view: Overview) -> Section | None:
    """Return the learning curves of all arms, and their numbers."""
    parts = view.finished_parts()
    if not parts:
        return None
    potentials = {title: found.metrics["all"] for title, found in view.results.zero_shot.items()}
    columns = {_two_lines(part): {one.metric: view.curves(part, one.metric) for one in QUANTITIES} for part in parts}
    figure = learning_figure(columns, view.budgets, view.styles, potentials)
    names = [one.name for one in QUANTITIES if any(curves[one.metric] for curves in columns.values())]
    text = f"Learning curves: {', '.join(names)} against the number of labels, one line an arm."
    html = fragment(
        "sections/learning",
        figure=figure_html(figure, "learning-curves", text),
        tables=[(one, table) for one in TABLES if (table := budget_table(view, one.metric)).groups],
        zero_shot=zero_shot_sentences(view),
        rising=_rising(view, parts),
        exponents=exponent_table(view, FORCE_MAE),
        spread=spread_note(view.points),
        leader=view.results.config.get("shared_leader") or (view.arms[-1] if view.arms else ""),
        shared=[part.acquisition for part in parts if part.comparison == "shared"],
        own=any(part.comparison == "own" for part in parts),
        repeated=[part.title for part in view.parts if view.repeats(part)],
    )
    return Section("learning", "Learning curves", html)


def _rising(view: Overview, parts: Sequence[Part]) -> list[str]:
    """Return in words where more labels made errors larger."""
    return [
        f"{quantity.name} of {curve.arm} ({part.title}) from {fewer.budget_labels} to "
        f"{counted(more.budget_labels, 'label')}, {number(fewer.mean)} to {number(more.mean)} {quantity.unit}"
        for quantity in QUANTITIES
        for part in parts
        for curve in view.curves(part, quantity.metric)
        for fewer, more in rises(curve)
    ]


def learning_figure(
    columns: Mapping[str, Mapping[str, Sequence[Curve]]],
    budgets: Sequence[int],
    styles: Mapping[str, ArmStyle],
    potentials: Mapping[str, Mapping[str, float]] | None = None,
) -> go.Figure:
    """Draw learning curves on logarithmic axes, for each arm the spread as a band, the seeds faint, the mean as a line.

    Args:
        columns: {title: {metric: curves}}; a metric that no column has gets no row.
        budgets: ascending; exactly these are the ticks.
        styles: of every curve's arm.
        potentials: {title: {metric: value}} of potentials that were measured as they are: a dashed line each.
    """
    quantities = [one for one in QUANTITIES if any(curves.get(one.metric) for curves in columns.values())]
    figure = panels(list(columns), rows=len(quantities))
    margin = max((budgets[-1] / budgets[0]) ** 0.06, 1.12)
    ends = budgets[0] / margin, budgets[-1] * margin
    for row, quantity in enumerate(quantities, 1):
        metric = quantity.metric
        levels = {title: values[metric] for title, values in (potentials or {}).items() if metric in values}
        errors = error_range((curve for curves in columns.values() for curve in curves[metric]), levels.values())
        for column, curves in enumerate(columns.values(), 1):
            for curve in curves[metric]:
                figure.add_traces(_traces(curve, styles[curve.arm], errors[0], quantity.unit), row, column)
            for (title, level), colour in zip(levels.items(), level_colours(len(levels)), strict=True):
                figure.add_trace(_level(title, level, ends, quantity.unit, colour), row, column)
        figure.update_yaxes(log_axis(*errors), row=row)
        figure.update_yaxes(title_text=f"{quantity.name}, {quantity.unit}", row=row, col=1)
    figure.update_xaxes(log_axis(*ends, budgets))
    figure.update_xaxes(title_text="labels", row=len(quantities))
    shown_once(figure)
    return figure


def _level(title: str, value: float, ends: tuple[float, float], unit: str, colour: str) -> go.Scatter:
    """Return the line of a potential that learns nothing from the labels."""
    return go.Scatter(
        x=list(ends),
        y=[value, value],
        name=title,
        hovertemplate=f"<b>{title}</b>, as it is: {value:.3g} {unit}<extra></extra>",
        mode="lines",
        line={"color": colour, "width": 2, "dash": "dash"},
    )


def _traces(curve: Curve, style: ArmStyle, lowest: float, unit: str) -> list[go.Scatter]:
    labels = [point.budget_labels for point in curve.points]
    ends = [*(point.spread.high for point in curve.points), *(point.spread.low for point in curve.points[::-1])]
    band = go.Scatter(
        x=labels + labels[::-1],
        y=[max(end, lowest) for end in ends],
        name=curve.arm,
        showlegend=False,
        fill="toself",
        fillcolor=faded(style.colour, 0.14),
        line={"color": faded(style.colour, 0.3), "width": 1},
        mode="lines",
        hoverinfo="skip",
    )
    seeds = go.Scatter(
        x=[point.budget_labels for point in curve.points for _ in point.values],
        y=[value for point in curve.points for value in point.values],
        name=curve.arm,
        showlegend=False,
        text=[f"seed {seed}" for point in curve.points for seed in point.seeds],
        hovertemplate=f"{curve.arm}, %{{text}}: %{{y:.3g}} {unit}<extra></extra>",
        mode="markers",
        marker={"color": style.colour, "symbol": style.symbol, "size": 5, "opacity": 0.4},
    )
    mean = go.Scatter(
        x=labels,
        y=[point.mean for point in curve.points],
        name=curve.arm,
        customdata=[[point.spread.low, point.spread.high, len(point.seeds)] for point in curve.points],
        hovertemplate=(
            f"<b>{curve.arm}</b>, %{{x}} labels: %{{y:.3g}} {unit}<br>"
            "%{customdata[0]:.3g} to %{customdata[1]:.3g}, seeds: %{customdata[2]}<extra></extra>"
        ),
        mode="lines+markers",
        line={"color": style.colour, "width": 2},
        marker={"color": style.colour, "symbol": style.symbol, "size": 7},
    )
    return [band, seeds, mean]


def _two_lines(part: Part) -> str:
    return part.title.replace(", ", "<br>")
