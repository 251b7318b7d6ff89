"""Does a committee know how wrong it is? Its spread against its error."""

from collections.abc import Sequence

import numpy as np

from al_core.report.figures import figure_html
from al_core.report.numbers import number
from al_core.report.overview import FORCE_DEVIATION, FORCE_MAE, Overview
from al_core.report.page import Section, fragment
from al_core.report.scatter import points_of, scatter_figure, thinning, trained_on
from al_core.studies.predictions import CellPredictions, Predicted, spread_correlation

_TITLES = "spread, meV/Å", "error, meV/Å"

# mean of |x| of a normal distribution, for one of the three components that the deviation adds up
_EXPECTED = float(np.sqrt(2 / np.pi) / np.sqrt(3))


def spread_section(view: Overview) -> Section | None:
    """Return the force error against the committee's spread: by structure where predictions were kept, else by slice.

    It is of the first comparison and acquisition.
    """
    cells = view.predictions
    points = points_of(cells, _spread) if cells else _by_slice(view)
    if not points:
        return None
    scores = {arm: f"ρ = {number(one) if np.isfinite(one) else '–'}" for arm, one in _correlations(cells).items()}
    figure = scatter_figure(points, scores, _TITLES, logarithmic=True, slope=1.0 if cells else _EXPECTED)
    text = "Force error against the spread of the committee. " + "; ".join(
        f"{arm}: {score}" for arm, score in scores.items()
    )
    title = view.finished_parts()[0].title
    html = fragment(
        "sections/spread",
        figure=figure_html(figure, "spread-error", text),
        part=title,
        whose=trained_on(cells, title) if cells else "",
        shown=thinning(points),
    )
    return Section("spread", "Committee spread against error", html)


def _spread(one: Predicted) -> np.ndarray:
    return 1e3 * np.array([[one.deviation], [one.force_error]])


def _correlations(cells: Sequence[CellPredictions]) -> dict[str, float]:
    """Return the rank correlation of each arm, mean over seeds; nan where a seed has none."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        one = spread_correlation(cell.structures)
        found.setdefault(cell.arm, []).append(np.nan if one is None else one)
    return {arm: float(np.mean(values)) for arm, values in found.items()}


def _by_slice(view: Overview) -> dict[str, dict[str, np.ndarray]]:
    """Return force deviation and force MAE, meV/Å, of each arm and slice: a point a budget and seed."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    parts = [(part.comparison, part.acquisition) for part in view.finished_parts()[:1]]
    for row in view.results.rows:
        for name, values in row.metrics.items():
            spread, error = values.get(FORCE_DEVIATION, 0.0), values[FORCE_MAE]
            if (row.comparison, row.acquisition) in parts and name != "all" and spread > 0 and error > 0:
                found.setdefault(row.arm, {}).setdefault(name, []).append((spread, error))
    return {arm: {name: np.array(some).T for name, some in slices.items()} for arm, slices in found.items()}
