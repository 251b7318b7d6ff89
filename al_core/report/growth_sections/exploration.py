"""What became of the walkers of every round: how far they went, and what they came by."""

from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from al_core.evaluation.survival import Survival, survival
from al_core.exploration.frames import Journey
from al_core.report.figures import figure_html, panels, shown_once
from al_core.report.growth_overview import GrowthOverview, ended, round_name
from al_core.report.numbers import NO_BREAK
from al_core.report.page import Section, fragment
from al_core.report.styles import ArmStyle, faded
from al_core.report.tables import Cell, Group, Table
from al_core.studies.growth_index import Round

_TALLER_PX = 60


def exploration_section(view: GrowthOverview) -> Section | None:
    """Return the survival of the walkers by round, and counts of walkers, frames and candidates."""
    rounds = [one for one in view.rounds if one.journeys]
    if not rounds:
        return None
    text = "Share of walkers that are still on their way against time, a line a round."
    html = fragment(
        "growth_sections/exploration",
        figure=figure_html(_figure(view, rounds), "exploration-survival", text, 290),
        table=_table(rounds),
        by_phase=_by_phase(rounds),
        window=_window(view),
    )
    return Section("exploration", "Exploration", html)


def _window(view: GrowthOverview) -> tuple[str, str] | None:
    """Return the ends of the window, meV/Å; None where the config has none."""
    ends = view.results.config.get("exploration", {}).get("window")
    return None if ends is None else (f"{view.wanted * ends[0]:g}", f"{view.wanted * ends[1]:g}")


def walked(journeys: Sequence[Journey]) -> Survival:
    """Return the survival of walkers: one that left the window or was unphysical is a failure."""
    return survival([{"time_ps": one.time_ps, "failure": ended(one)} for one in journeys])


def _figure(view: GrowthOverview, rounds: Sequence[Round]) -> go.Figure:
    styles = dict(zip((one.number for one in view.rounds), view.styles, strict=True))
    figure = panels([""])
    for one in rounds:
        found = walked(one.journeys)
        if one is rounds[-1]:
            figure.add_traces(_band(one, found, styles[one.number]))
        figure.add_trace(_line(one, found, styles[one.number]))
    figure.update_xaxes(title_text="time, ps", rangemode="tozero")
    figure.update_yaxes(range=[-4, 104], tickvals=[0, 25, 50, 75, 100], title_text="walkers on their way, %")
    figure.update_layout(height=figure.layout.height + _TALLER_PX, margin={"t": 12})
    shown_once(figure)
    return figure


def _line(one: Round, found: Survival, style: ArmStyle) -> go.Scatter:
    return go.Scatter(
        x=found.time_ps.tolist(),
        y=(100 * found.share).tolist(),
        name=round_name(one),
        mode="lines+markers",
        line={"shape": "hv", "color": style.colour, "width": 2},
        marker={"color": style.colour, "symbol": style.symbol, "size": 7},
        hovertemplate=f"<b>{round_name(one)}</b>, %{{x:.3g}} ps: %{{y:.0f}} %<extra></extra>",
    )


def _band(one: Round, found: Survival, style: ArmStyle) -> list[go.Scatter]:
    return [
        go.Scatter(
            x=found.time_ps.tolist(),
            y=(100 * end).tolist(),
            name=round_name(one),
            showlegend=False,
            hoverinfo="skip",
            mode="lines",
            line={"shape": "hv", "color": style.colour, "width": 0},
            fill=fill,
            fillcolor=faded(style.colour, 0.14),
        )
        for end, fill in ((found.high, "none"), (found.low, "tonexty"))
    ]


def _table(rounds: Sequence[Round]) -> Table:
    columns = ("labels", "walkers", "to the end", "left the window", "unphysical", "frames", "candidates")
    rows = []
    for one in rounds:
        causes = Counter(journey.failure for journey in one.journeys if journey.failure)
        found = walked(one.journeys)
        interval = f"{100 * found.low[-1]:.0f} to {100 * found.high[-1]:.0f} %".replace(" ", NO_BREAK)
        cells = (
            Cell(str(one.labels)),
            Cell(str(len(one.journeys))),
            Cell(str(len(one.journeys) - one.lost), interval),
            Cell(str(sum(journey.left for journey in one.journeys))),
            Cell(str(sum(causes.values())), "\n".join(f"{count}: {cause}" for cause, count in causes.most_common())),
            Cell(str(one.frames)),
            Cell(str(one.candidates)),
        )
        rows.append((str(one.number), cells))
    return Table("round", columns, (Group("", tuple(rows)),))


def _by_phase(rounds: Sequence[Round]) -> Table:
    """Return how many walkers of each phase and temperature went to the end, by round."""
    baths = sorted({(one.phase, one.temperature_K) for each in rounds for one in each.journeys})
    rows = [
        (f"{phase}, {temperature:g} K", tuple(_bath_cell(each, phase, temperature) for each in rounds))
        for phase, temperature in baths
    ]
    return Table("walkers of", tuple(round_name(one) for one in rounds), (Group("", tuple(rows)),))


def _bath_cell(one: Round, phase: str, temperature_K: float) -> Cell:
    here = [each for each in one.journeys if (each.phase, each.temperature_K) == (phase, temperature_K)]
    return Cell(f"{sum(not ended(each) for each in here)} of {len(here)}") if here else Cell()
