"""Survival curves: the share of walkers that molecular dynamics keeps stable, against time."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from al_core.evaluation.survival import Survival, survival
from al_core.report.figures import figure_html, panels, shown_once
from al_core.report.numbers import NO_BREAK, counted
from al_core.report.overview import Overview, Part
from al_core.report.page import Section, fragment
from al_core.report.properties import budgets_of, largest, parts_with, rows_of, walks_of
from al_core.report.styles import ArmStyle, faded
from al_core.report.tables import Cell, Group, Table


def survival_section(view: Overview) -> Section | None:
    """Return the survival curves of every arm at its largest budget, by temperature, and the shares at the end."""
    parts = [part for part in parts_with(view, "stability") if _curves(view, part)]
    if not parts:
        return None
    blocks = []
    for number, part in enumerate(parts):
        curves = _curves(view, part)
        text = f"Share of stable walkers against time, {part.title}."
        blocks.append(
            (part.title, figure_html(_figure(view, curves), f"survival-{number}", text), _table(view, curves))
        )
    rows = rows_of(view, parts[0], "stability")
    budgets = {arm: budgets_of(rows, arm)[-1] for arm in view.arms if budgets_of(rows, arm)}
    html = fragment(
        "sections/survival",
        blocks=blocks,
        budgets=", ".join(f"{arm} at {counted(budget, 'label')}" for arm, budget in budgets.items()),
    )
    return Section("survival", "Stability of simulations", html)


def _curves(view: Overview, part: Part) -> dict[float, dict[str, Survival]]:
    """Return {temperature: {arm: survival}}, K; of all ensembles and seeds together."""
    rows = rows_of(view, part, "stability")
    found: dict[float, dict[str, Survival]] = {}
    for arm in view.arms:
        walks = walks_of(largest([row for row in rows if row.arm == arm]), arm)
        for temperature in sorted({float(walk["temperature_K"]) for walk in walks}):
            own = [walk for walk in walks if float(walk["temperature_K"]) == temperature]
            found.setdefault(temperature, {})[arm] = survival(own)
    return dict(sorted(found.items()))


def _figure(view: Overview, curves: dict[float, dict[str, Survival]]) -> go.Figure:
    figure = panels([f"{temperature:g} K" for temperature in curves])
    for column, by_arm in enumerate(curves.values(), 1):
        for arm, one in by_arm.items():
            figure.add_traces(_traces(arm, one, view.styles[arm]), 1, column)
    figure.update_xaxes(title_text="time, ps", rangemode="tozero", matches="x")
    figure.update_yaxes(range=[-4, 104], tickvals=[0, 25, 50, 75, 100])
    figure.update_yaxes(title_text="stable walkers, %", col=1)
    shown_once(figure)
    return figure


def _traces(arm: str, one: Survival, style: ArmStyle) -> list[go.Scatter]:
    times, ends = list(map(float, one.time_ps)), [_percent(one.high), _percent(one.low)]
    steps = {"shape": "hv", "color": style.colour}
    edges = [
        go.Scatter(
            x=times,
            y=end,
            name=arm,
            showlegend=False,
            hoverinfo="skip",
            mode="lines",
            line={**steps, "width": 0},
            fill=fill,
            fillcolor=faded(style.colour, 0.12),
        )
        for end, fill in zip(ends, ("none", "tonexty"), strict=True)
    ]
    line = go.Scatter(
        x=times,
        y=_percent(one.share),
        name=arm,
        mode="lines+markers",
        line={**steps, "width": 2},
        marker={"color": style.colour, "symbol": style.symbol, "size": 6},
        hovertemplate=f"<b>{arm}</b>, %{{x:.3g}} ps: %{{y:.0f}} %<extra></extra>",
    )
    return [*edges, line]


def _table(view: Overview, curves: dict[float, dict[str, Survival]]) -> Table:
    rows = []
    for arm in view.arms:
        found = [by_arm.get(arm) for by_arm in curves.values()]
        if any(found):
            rows.append((arm, tuple(_cell(one) if one else Cell() for one in found)))
    return Table("at the end", tuple(f"{temperature:g} K" for temperature in curves), (Group("", tuple(rows)),))


def _cell(one: Survival) -> Cell:
    interval = f"{100 * one.low[-1]:.0f} to {100 * one.high[-1]:.0f} %".replace(" ", NO_BREAK)
    return Cell(f"{100 * one.share[-1]:.0f}{NO_BREAK}%", interval)


def _percent(shares: Sequence[float] | np.ndarray) -> list[float]:
    return [100 * float(share) for share in shares]
