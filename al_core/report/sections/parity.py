"""Predicted against labelled values of the test structures."""

from collections.abc import Callable, Sequence

import numpy as np

from al_core.report.figures import figure_html
from al_core.report.numbers import number
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.scatter import points_of, scatter_figure, thinning, trained_on
from al_core.studies.predictions import CellPredictions, Predicted


def parity_section(view: Overview) -> Section | None:
    """Return predicted against labelled forces and energies, of the first comparison and acquisition."""
    cells = view.predictions
    if not cells:
        return None
    mean = float(np.mean([one.label_energy for one in cells[0].structures]))

    def energies(one: Predicted) -> np.ndarray:
        return np.array([[one.label_energy - mean], [one.energy - mean]])

    blocks = [
        ("Forces", *_figure(cells, _forces, "force", "eV/Å"), ""),
        (
            "Energies",
            *_figure(cells, energies, "energy", "eV/atom"),
            f"Both are relative to the mean of the labels, {number(mean)} eV/atom.",
        ),
    ]
    whose = trained_on(cells, view.finished_parts()[0].title)
    return Section("parity", "Parity", fragment("sections/parity", blocks=blocks, whose=whose))


def _figure(
    cells: Sequence[CellPredictions], values: Callable[[Predicted], np.ndarray], name: str, unit: str
) -> tuple[str, str]:
    """Return the figure of a quantity, and a sentence on how many points it shows."""
    points = points_of(cells, values)
    scores = {arm: f"MAE {number(1e3 * mae)} m{unit}" for arm, mae in _maes(cells, values).items()}
    figure = scatter_figure(points, scores, (f"labelled, {unit}", f"predicted, {unit}"))
    text = f"Predicted against labelled {name} of the test structures. " + "; ".join(
        f"{arm}: {score}" for arm, score in scores.items()
    )
    return figure_html(figure, f"parity-{name}", text), thinning(points)


def _forces(one: Predicted) -> np.ndarray:
    return np.array([one.label_forces.ravel(), one.forces.ravel()])


def _maes(cells: Sequence[CellPredictions], values: Callable[[Predicted], np.ndarray]) -> dict[str, float]:
    """Return the mean absolute error of each arm, mean over test slices and seeds."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        slices = points_of([cell], values)[cell.arm].values()
        found.setdefault(cell.arm, []).append(float(np.mean([np.abs(x - y).mean() for x, y in slices])))
    return {arm: float(np.mean(errors)) for arm, errors in found.items()}
