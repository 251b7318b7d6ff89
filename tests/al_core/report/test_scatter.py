"""Scatter plots of predictions: panels, points, axes."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from al_core.report.scatter import points_of, scatter_figure, thinning
from al_core.studies.predictions import Predicted
from tests.al_core.report.studies import cell

SLICES = ["300K", "liquid"]
TITLES = "labelled", "predicted"


def forces(one: Predicted) -> np.ndarray:
    return np.array([one.label_forces.ravel(), one.forces.ravel()])


def drawn(figure: go.Figure, number: int) -> dict[str, np.ndarray]:
    """Return x and y of each slice in a panel."""
    axis = "x" if number == 0 else f"x{number + 1}"
    return {
        trace.name: np.array([trace.x, trace.y])
        for trace in figure.data
        if trace.mode == "markers" and trace.xaxis == axis
    }


def test_every_arm_has_a_panel_and_every_slice_one_entry_of_the_legend() -> None:
    cells = [cell("scratch"), cell("rescaled"), cell("scratch", seed=1)]
    figure = scatter_figure(points_of(cells, forces), {"scratch": "MAE 3", "rescaled": "MAE 2"}, TITLES)
    texts = [one.text for one in figure.layout.annotations]
    assert texts == ["scratch", "rescaled", "MAE 3", "MAE 2"]
    assert [trace.name for trace in figure.data if trace.showlegend] == SLICES
    assert {axis.range for axis in figure.select_xaxes()} == {axis.range for axis in figure.select_yaxes()}
    shown = drawn(figure, 0)
    assert sum(x.size for x, _ in shown.values()) == 2 * 6 * 4 * 3, "the points of both seeds"
    for name, off in zip(SLICES, (0.1, 0.3), strict=True):
        x, y = shown[name]
        np.testing.assert_allclose(y - x, off, atol=1e-5)


def test_the_ticks_of_logarithmic_axes_are_decades_where_there_are_two() -> None:
    def values(one: Predicted) -> np.ndarray:
        return np.array([[one.deviation], [one.force_error]])

    figure = scatter_figure(points_of([cell("a", error=0.1)], values), {}, TITLES, logarithmic=True, slope=2.0)
    low, high = 10 ** np.array(figure.layout.yaxis.range)
    assert low < 0.05
    assert high > 0.3 * 3**0.5
    assert len(figure.layout.yaxis.tickvals) >= 4
    line = next(trace for trace in figure.data if trace.mode == "lines")
    np.testing.assert_allclose(line.y, 2 * np.array(line.x))
    wide = points_of([cell("a", error=0.01), cell("b", error=10.0)], values)
    axis = scatter_figure(wide, {}, TITLES, logarithmic=True).layout.xaxis
    assert list(axis.tickvals) == [0.01, 0.1, 1.0, 10.0]


def test_too_many_points_are_thinned_always_alike_and_the_caption_says_so() -> None:
    cells = [cell("scratch", structures=40, atoms=30), cell("rescaled", error=0.02, structures=40, atoms=30)]
    points = points_of(cells, forces)
    first, again = (scatter_figure(points, {}, TITLES) for _ in range(2))
    assert first.to_json() == again.to_json()
    for number, error in enumerate((0.1, 0.02)):
        shown = drawn(first, number)
        sizes: Sequence[int] = [x.size for x, _ in shown.values()]
        assert sum(sizes) == 1500
        assert min(sizes) > 500, "of both slices"
        for name, off in zip(SLICES, (1, 3), strict=True):
            x, y = shown[name]
            np.testing.assert_allclose(y - x, off * error, atol=1e-5)
    assert thinning(points) == "Of 3,600 points of a panel 1,500 are drawn, chosen at random with a fixed seed."
    assert thinning(points_of([cell("scratch")], forces)) == ""
    assert len(first.to_json()) < 60_000
