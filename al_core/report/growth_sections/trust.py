"""Is the expected error true? What the calibration is worth on a test set, or by cross-validation alone."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from scipy.stats import spearmanr

from al_core.report.figures import figure_html, log_axis, log_ticks, panels, shown_once
from al_core.report.growth_overview import GrowthOverview
from al_core.report.numbers import NO_BREAK, counted, number
from al_core.report.page import Section, fragment
from al_core.report.styles import LINE, arm_styles, slice_styles
from al_core.report.tables import Cell, Group, Table
from al_core.studies.growth_index import CALIBRATED, Round
from al_core.studies.predictions import Predicted, by_slice
from al_core.uncertainty.calibration import Calibration, Residuals, reliability

_BINS = 8
_RESAMPLES = 200
_SEED = 0
_FACTOR = 2.0  # of the mean squared z: up to it the expected error counts as right
_WITHIN, _OUTSIDE = "within the purpose", "outside the purpose"
_TALLER_PX = 120


def trust_section(view: GrowthOverview) -> Section | None:
    """Return how the expected error holds on the test set; without one, what cross-validation says."""
    if not view.rounds:
        return None
    tested = [one for one in view.rounds if view.predictions.get(one.number)]
    figure, shown = "", tested[-1] if tested else None
    if shown:
        text = "Actual against expected force error on the test set: atoms in bins, and structures."
        figure = figure_html(_figure(view, shown), "trust-reliability", text, 260)
    html = fragment(
        "growth_sections/trust",
        figure=figure,
        whose=f"round {shown.number}, {counted(shown.labels, 'label')}" if shown else "",
        bins=_BINS,
        outside=[name for name in by_slice(view.predictions[shown.number]) if view.outside(name)] if shown else [],
        told=_told(view, shown),
        tables=[(_title(one), _table(view, one), one is shown) for one in reversed(tested)],
        ranks=_ranks(view, tested),
    )
    return Section("trust", "Is the expected error true?", html)


def expected_error(found: Calibration, one: Predicted) -> float:
    """Return the expected mean absolute error of a structure's force components, eV/Å."""
    return float(found.expected_errors(one.deviations).mean())


def residuals(structures: Sequence[Predicted]) -> list[Residuals]:
    """Return the residuals of test structures."""
    return [Residuals(one.forces - one.label_forces, one.deviations) for one in structures]


def rank_correlation(found: Calibration, structures: Sequence[Predicted]) -> float | None:
    """Return Spearman's rank correlation of expected and actual error over structures; None where there is none."""
    expected, actual = [expected_error(found, one) for one in structures], [one.force_mae for one in structures]
    if min(len(set(expected)), len(set(actual))) < 2:
        return None
    return float(spearmanr(expected, actual).statistic)


def reliability_bins(found: Calibration, structures: Sequence[Predicted], bins: int = _BINS) -> np.ndarray:
    """Return expected and actual error of atoms in bins of equally many, by expected error, eV/Å, [n_bins, 4].

    Columns: the means of both, and the ends of the 95 % interval of the actual one, of a bootstrap over structures.
    A bin that has all its atoms from one structure has an interval of no width.
    """
    expected = np.concatenate([found.expected_errors(one.deviations) for one in structures])
    actual = np.concatenate([np.abs(one.forces - one.label_forces).mean(axis=1) for one in structures])
    owners = np.repeat(np.arange(len(structures)), [len(one.deviations) for one in structures])
    draws = np.random.default_rng(_SEED).integers(len(structures), size=(_RESAMPLES, len(structures)))
    counts = np.stack([np.bincount(draw, minlength=len(structures)) for draw in draws])  # [n_resamples, n_structures]
    rows = []
    for part in np.array_split(np.argsort(expected, kind="stable"), min(bins, len(expected))):
        sums = np.bincount(owners[part], actual[part], len(structures))
        sizes = np.bincount(owners[part], minlength=len(structures))
        drawn = counts @ sizes
        means = (counts @ sums)[drawn > 0] / drawn[drawn > 0]
        rows.append([expected[part].mean(), actual[part].mean(), *np.quantile(means, (0.025, 0.975))])
    return np.array(rows)


def too_sure(view: GrowthOverview, one: Round) -> float | None:
    """Return the mean squared z on test structures within the purpose where it is far above 1; None elsewhere."""
    within = _within(view, one) if one.number in view.predictions else []
    zms = reliability(one.calibration, residuals(within)).zms if within else 0.0
    return zms if zms > _FACTOR else None


def _told(view: GrowthOverview, shown: Round | None) -> list[str]:
    last = shown or view.rounds[-1]
    found, told = last.calibration, []
    if not found.structures:
        told.append("The expected error is not calibrated: no drawn label was there when the committee was trained.")
    else:
        told.append(
            f"In round {last.number} cross-validation on {counted(found.structures, 'drawn label')} says that errors "
            f"are {number(found.scale, 2)} times the committee's disagreement (root mean square)."
        )
        if found.structures < CALIBRATED:
            told.append(f"Of fewer than {CALIBRATED} labels this is hardly more than a guess.")
        if found.force_mae is not None:
            told.append(f"These labels were predicted with a force error of {number(1e3 * found.force_mae)} meV/Å.")
    if shown is None:
        told.append(
            "There are no predictions for a test set: whether the expected error is true of other structures is "
            "not known."
        )
        return told
    within = _within(view, shown)
    if within:
        holds = reliability(found, residuals(within))
        expected = 1e3 * float(np.mean([expected_error(found, one) for one in within]))
        actual = 1e3 * float(np.mean([one.force_mae for one in within]))
        told.append(
            f"On {counted(len(within), 'test structure')} within the purpose {number(expected)} meV/Å are expected, "
            f"and {number(actual)} found, each structure counting the same; the interval for 90 % covers "
            f"{100 * dict(holds.coverage)[0.90]:.0f} %. {_judged(holds.zms)}"
        )
    return told


def _judged(zms: float) -> str:
    """Return what a mean squared z says of the expected error: right within a factor of two of the variance."""
    if zms > _FACTOR:
        return f"The potential is surer than it is right (ZMS {number(zms)})."
    if zms < 1 / _FACTOR:
        return f"The expected error is cautious: errors are smaller (ZMS {number(zms)})."
    return f"The expected error is about right (ZMS {number(zms)})."


def _within(view: GrowthOverview, one: Round) -> list[Predicted]:
    return [each for each in view.predictions[one.number] if not view.outside(each.slice)]


def _title(one: Round) -> str:
    return f"Round {one.number}, {counted(one.labels, 'label')}, by test slice"


def _table(view: GrowthOverview, one: Round) -> Table:
    found = one.calibration
    levels = [level for level, _ in found.widths]
    columns = (
        "structures",
        "expected, meV/Å",
        "actual, meV/Å",
        "ZMS",
        *(f"in {100 * x:.0f}{NO_BREAK}%" for x in levels),
    )
    slices = by_slice(view.predictions[one.number])
    groups = []
    for title, outside in (("Within the purpose", False), ("Outside the purpose, may fail", True)):
        some = {name: each for name, each in slices.items() if bool(view.outside(name)) == outside}
        rows = []
        for name, members in some.items():
            why = view.outside(name)
            rows.append((f"{name} ({why})" if why else name, _reliability_cells(found, members)))
        if len(some) > 1:
            rows.append(("all of these", _reliability_cells(found, [each for part in some.values() for each in part])))
        if rows:
            groups.append(Group(title, tuple(rows)))
    return Table("on slice", columns, tuple(groups))


def _reliability_cells(found: Calibration, members: Sequence[Predicted]) -> tuple[Cell, ...]:
    holds = reliability(found, residuals(members))
    expected = 1e3 * float(np.mean([expected_error(found, one) for one in members]))
    actual = 1e3 * float(np.mean([one.force_mae for one in members]))
    shares = (Cell(f"{100 * share:.0f}{NO_BREAK}%") for _, share in holds.coverage)
    return (Cell(str(len(members))), Cell(number(expected)), Cell(number(actual)), Cell(number(holds.zms)), *shares)


def _ranks(view: GrowthOverview, tested: Sequence[Round]) -> Table:
    rows = []
    for title, pick in (
        ("all slices", lambda one: view.predictions[one.number]),
        (_WITHIN, lambda one: _within(view, one)),
    ):
        values = [rank_correlation(one.calibration, pick(one)) for one in tested]
        rows.append(
            (title, tuple(Cell() if value is None else Cell(f"{value:.2f}".replace("-", "−")) for value in values))
        )
    columns = tuple(f"round {one.number}, {counted(one.labels, 'label')}" for one in tested)
    return Table("over", columns, (Group("", tuple(rows)),) if tested else ())


def _figure(view: GrowthOverview, one: Round) -> go.Figure:
    found, structures = one.calibration, view.predictions[one.number]
    figure = panels(["atoms, in bins", "structures"])
    styles, slices = arm_styles((_WITHIN, _OUTSIDE), ""), by_slice(structures)
    parts = {_WITHIN: _within(view, one), _OUTSIDE: [each for each in structures if view.outside(each.slice)]}
    binned = {name: 1e3 * reliability_bins(found, part) for name, part in parts.items() if part}
    dots = {
        name: 1e3 * np.array([[expected_error(found, each), each.force_mae] for each in some])
        for name, some in slices.items()
    }
    values = np.concatenate(
        [*(rows[:, :2].ravel() for rows in binned.values()), *(part.ravel() for part in dots.values())]
    )
    ends = float(values[values > 0].min() / 1.3), float(values.max() * 1.3)
    for column in (1, 2):
        line = go.Scatter(
            x=ends, y=ends, mode="lines", line={"color": LINE, "width": 1.5}, hoverinfo="skip", showlegend=False
        )
        figure.add_trace(line, 1, column)
    for name, rows in binned.items():
        figure.add_trace(_bins(name, rows, ends[0], styles[name].colour, styles[name].symbol), 1, 1)
    colours = slice_styles(list(slices))
    for name, part in dots.items():
        figure.add_trace(_dots(name, part, colours[name].colour, colours[name].symbol), 1, 2)
    axis = log_axis(*ends, _ticks(*ends))
    figure.update_xaxes(axis, title_text="expected, meV/Å", tickangle=0)
    figure.update_yaxes(axis)
    figure.update_yaxes(title_text="actual, meV/Å", col=1)
    figure.update_layout(height=figure.layout.height + _TALLER_PX)
    shown_once(figure)
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """Return powers of ten where there are three of them: both panels are narrow."""
    powers = range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    return [10.0**power for power in powers] if len(powers) > 2 else log_ticks(low, high)


def _bins(name: str, rows: np.ndarray, lowest: float, colour: str, symbol: str) -> go.Scatter:
    low = np.maximum(rows[:, 2], lowest)
    return go.Scatter(
        x=rows[:, 0].tolist(),
        y=rows[:, 1].tolist(),
        error_y={
            "type": "data",
            "array": np.maximum(rows[:, 3] - rows[:, 1], 0).tolist(),
            "arrayminus": np.maximum(rows[:, 1] - low, 0).tolist(),
            "color": colour,
            "thickness": 1,
            "width": 3,
        },
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 1.5},
        marker={"color": colour, "symbol": symbol, "size": 7},
        hovertemplate=f"{name}: expected %{{x:.3g}}, actual %{{y:.3g}} meV/Å<extra></extra>",
    )


def _dots(name: str, part: np.ndarray, colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=part[:, 0].tolist(),
        y=part[:, 1].tolist(),
        name=name,
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 7, "opacity": 0.75},
        hovertemplate=f"{name}: expected %{{x:.3g}}, actual %{{y:.3g}} meV/Å<extra></extra>",
    )
