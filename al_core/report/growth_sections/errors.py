"""How the error fell from round to round, and what more labels would buy."""

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from al_core.report.figures import figure_html, log_axis, panels, shown_once
from al_core.report.growth_overview import GrowthOverview
from al_core.report.numbers import counted, number
from al_core.report.page import Section, fragment
from al_core.report.styles import BASELINE, SOFT, arm_styles
from al_core.report.tables import Cell, Group, Table
from al_core.studies.growth_index import Round
from al_core.studies.powerlaw import PowerLaw, fit_power_law

_EXPECTED, _BARE, _CROSS = "expected", "expected, not calibrated", "cross-validated"
_TEST, _WITHIN = "test set", "test set, within the purpose"
_WANTED, _LAW = "wanted", "power law"
_FURTHEST = 10  # times the labels so far: beyond that, nobody believes a power law
_TALLER_PX = 110


@dataclass(frozen=True)
class Forecast:
    """What more labels would buy.

    Attributes:
        law: the power law of the expected errors; None where it cannot be fitted.
        told: in sentences.
    """

    law: PowerLaw | None
    told: tuple[str, ...]


def errors_section(view: GrowthOverview) -> Section | None:
    """Return the errors of every round against the number of labels, and a forecast."""
    if not view.rounds:
        return None
    found = forecast(view)
    text = (
        "Force errors against the number of labels: expected, cross-validated and on the test set, and what is wanted."
    )
    html = fragment(
        "growth_sections/errors",
        figure=figure_html(_figure(view, found.law), "errors-by-round", text, 290),
        table=_table(view),
        forecast=found,
        law=bool(found.law and found.law.exponent > 0),
        tested=bool(view.test_errors),
    )
    return Section("errors", "Error by round", html)


def forecast(view: GrowthOverview) -> Forecast:
    """Return what more labels would buy, by the power law of the calibrated expected errors of rounds with labels."""
    rounds = [one for one in view.rounds if one.labels and one.calibration.structures]
    last, wanted = view.rounds[-1], view.wanted
    law = _fitted(rounds)
    told = []
    if law:
        told.append(
            f"Over {counted(len(rounds), 'round')} the expected error falls as the number of labels to the power of "
            f"−{number(law.exponent)}. This is one seed, so that there is no interval. The rounds are off the power "
            f"law by {100 * _misfit(law, rounds):.0f} % (root mean square)."
            if law.exponent > 0
            else f"Over {counted(len(rounds), 'round')} the expected error does not fall with the number of labels."
        )
    if last in rounds and 1e3 * last.expected <= wanted:
        told.append(f"The wanted {wanted:g} meV/Å are reached with {counted(_reached_at(rounds, wanted), 'label')}.")
        return Forecast(law, tuple(told))
    if law is None:
        told.append(
            f"At how many labels {wanted:g} meV/Å are reached cannot be told: a power law takes three rounds with "
            f"labels and a calibration, there {'is' if len(rounds) == 1 else 'are'} {len(rounds)}."
        )
        return Forecast(None, tuple(told))
    if law.exponent <= 0:
        told.append(f"At how many labels {wanted:g} meV/Å are reached cannot be told.")
    else:
        told.append(_needed_text(law, rounds, wanted))
    return Forecast(law, tuple(told))


def labels_needed(law: PowerLaw | None, wanted: float) -> float:
    """Return at how many labels a power law reaches an error, infinite where it never does."""
    if law is None or law.exponent <= 0:
        return math.inf
    exponent = math.log(law.prefactor / wanted) / law.exponent
    return math.exp(exponent) if exponent < math.log(1e9) else math.inf


def _fitted(rounds: list[Round]) -> PowerLaw | None:
    return fit_power_law({one.labels: {0: 1e3 * one.expected} for one in rounds})


def _misfit(law: PowerLaw, rounds: list[Round]) -> float:
    ratios = [math.log(1e3 * one.expected / law.error(one.labels)) for one in rounds]
    return math.expm1(float(np.sqrt(np.mean(np.square(ratios)))))


def _reached_at(rounds: list[Round], wanted: float) -> int:
    """Return with how many labels the error was first as wanted, and has been since."""
    above = [number for number, one in enumerate(rounds) if 1e3 * one.expected > wanted]
    return rounds[above[-1] + 1 if above else 0].labels


def _needed_text(law: PowerLaw, rounds: list[Round], wanted: float) -> str:
    needed, most = labels_needed(law, wanted), _FURTHEST * rounds[-1].labels
    if needed > most:
        return (
            f"At how many labels {wanted:g} meV/Å are reached cannot be told: by this power law it takes more than "
            f"{most}, {_FURTHEST} times those so far."
        )
    text = f"By this power law {wanted:g} meV/Å take about {max(needed, rounds[-1].labels + 1):.0f} labels"
    ranges = [labels_needed(_fitted([*rounds[:i], *rounds[i + 1 :]]), wanted) for i in range(len(rounds))]
    if len(rounds) <= 3:
        return f"{text}; with three rounds nobody knows how surely."
    low, high = min(ranges), max(ranges)
    upper = f"{high:.0f}" if high <= most else f"more than {most}"
    return f"{text}; leaving out one round at a time gives {low:.0f} to {upper}."


def _figure(view: GrowthOverview, law: PowerLaw | None) -> go.Figure:
    styles = arm_styles((_EXPECTED, _CROSS, _TEST, _WITHIN, _WANTED), _WANTED)
    calibrated = [one for one in view.rounds if one.calibration.structures]
    bare = [one for one in view.rounds if not one.calibration.structures]
    series = {
        _EXPECTED: [(one.labels, 1e3 * one.expected) for one in calibrated],
        _BARE: [(one.labels, 1e3 * one.expected) for one in bare],
        _CROSS: [(one.labels, 1e3 * one.calibration.force_mae) for one in view.rounds if one.calibration.force_mae],
        _TEST: _tested(view, inside=False),
    }
    if _tested(view, inside=True) != series[_TEST]:
        series[_WITHIN] = _tested(view, inside=True)
    figure = panels([""])
    most = max(one.labels for one in view.rounds)
    end = 1.25 * most or 1.0
    values = [value for points in series.values() for _, value in points] + [view.wanted]
    for name, points in series.items():
        if points:
            colour = SOFT if name == _BARE else styles[name].colour
            symbol = "circle" if name == _BARE else styles[name].symbol
            figure.add_scatter(
                x=[labels for labels, _ in points],
                y=[error for _, error in points],
                name=name,
                mode="lines+markers" if len(points) > 1 and name != _BARE else "markers",
                line={"color": colour, "width": 2},
                marker={"color": colour, "symbol": symbol, "size": 8},
                hovertemplate=f"<b>{name}</b>, %{{x}} labels: %{{y:.3g}} meV/Å<extra></extra>",
            )
    if law and law.exponent > 0:
        grid = np.geomspace(law.budgets[0], max(end, law.budgets[-1]), 40)
        line = [law.error(labels) for labels in grid]
        values += line
        figure.add_scatter(
            x=grid.tolist(), y=line, name=_LAW, mode="lines", hoverinfo="skip", **_dashed(styles[_EXPECTED].colour)
        )
    figure.add_scatter(
        x=[0, end], y=[view.wanted] * 2, name=_WANTED, mode="lines", hoverinfo="skip", line={"color": BASELINE}
    )
    positive = [value for value in values if value > 0]
    figure.update_yaxes(log_axis(min(positive) / 1.2, max(positive) * 1.2), title_text="force error, meV/Å")
    figure.update_xaxes(
        title_text="labels", range=[-0.04 * end, end], tickvals=sorted({one.labels for one in view.rounds})
    )
    figure.update_layout(height=figure.layout.height + _TALLER_PX, margin={"t": 12})
    shown_once(figure)
    return figure


def _tested(view: GrowthOverview, inside: bool) -> list[tuple[int, float]]:
    errors = [(one.labels, view.test_error(one, inside)) for one in view.rounds]
    return [(labels, error) for labels, error in errors if error is not None]


def _dashed(colour: str) -> dict[str, object]:
    return {"line": {"color": colour, "width": 1.5, "dash": "dot"}}


def _table(view: GrowthOverview) -> Table:
    columns = ["labels", "expected", "of the wanted", "cross-validated"]
    if view.test_errors:
        columns += ["test set", "of it within the purpose"]
    rows = []
    for one in view.rounds:
        found, drawn = one.calibration, one.calibration.structures
        small = f"{counted(drawn, 'label')} drawn" if drawn else "not calibrated"
        cells = [
            Cell(str(one.labels)),
            Cell(number(1e3 * one.expected), small),
            Cell(f"{number(1e3 * one.expected / view.wanted, 2)}×"),
            Cell() if found.force_mae is None else Cell(number(1e3 * found.force_mae)),
        ]
        if view.test_errors:
            errors = view.test_error(one), view.test_error(one, inside=True)
            cells += [Cell() if error is None else Cell(number(error)) for error in errors]
        rows.append((str(one.number), tuple(cells)))
    return Table("round", tuple(columns), (Group("", tuple(rows)),))
