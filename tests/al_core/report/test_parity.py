"""Figures of predicted against labelled values."""

import re
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import pytest

from al_core.report.parity import parity_figures
from al_core.studies.predictions import CellPredictions, Predicted

SLICES = ("300K", "liquid")


def cell(arm: str, seed: int = 0, error: float = 0.1, structures: int = 6, atoms: int = 4) -> CellPredictions:
    """A cell whose forces are off by ``error`` eV/Å at 300 K and three times as much in the liquid."""
    rng = np.random.default_rng(1)
    found = []
    for number in range(structures):
        off = error * (1, 3)[number % 2]
        forces = rng.normal(size=(atoms, 3))
        deviations = np.full(atoms, off * (1 + 0.01 * number) / 2)
        energy, slice_name = -4.0 + 0.1 * number, SLICES[number % 2]
        predicted = energy + off / 10, forces, forces + off, deviations
        found.append(Predicted(f"s{number}", slice_name, energy, *predicted))
    return CellPredictions(arm, seed, 8, tuple(found))


def points(figure: go.Figure, arm: str) -> dict[str, np.ndarray]:
    """Return x and y of each slice in the panel of an arm."""
    (number,) = (index for index, one in enumerate(figure.layout.annotations) if one.text == arm)
    axis = "x" if number == 0 else f"x{number + 1}"
    return {
        trace.name: np.array([trace.x, trace.y])
        for trace in figure.data
        if trace.mode == "markers" and trace.xaxis == axis
    }


def scores(figure: go.Figure) -> list[str]:
    """Return what is written in the panels' corners."""
    return [one.text for one in figure.layout.annotations if "domain" in str(one.xref)]


def test_every_arm_has_a_panel_and_every_slice_one_entry_of_the_legend() -> None:
    for one in parity_figures([cell("scratch"), cell("rescaled")], "shared label sets, random"):
        titles = [annotation.text for annotation in one.figure.layout.annotations]
        assert titles[:2] == ["scratch", "rescaled"]
        assert [trace.name for trace in one.figure.data if trace.showlegend] == list(SLICES)
        assert {axis.range for axis in one.figure.select_xaxes()} == {axis.range for axis in one.figure.select_yaxes()}
        assert "8 labels (shared label sets, random), 1 seed." in one.caption


def test_the_points_are_labels_and_predictions() -> None:
    forces, energies, _ = (one.figure for one in parity_figures([cell("scratch")], "shared"))
    for name, off in (("300K", 0.1), ("liquid", 0.3)):
        x, y = points(forces, "scratch")[name]
        assert x.shape == (3 * 4 * 3,)
        np.testing.assert_allclose(y - x, off, atol=1e-5)
        x, y = points(energies, "scratch")[name]
        np.testing.assert_allclose(y - x, off / 10, atol=1e-5)
    every = np.concatenate([x for x, _ in points(energies, "scratch").values()])
    assert every.mean() == pytest.approx(0, abs=1e-5), "relative to the mean of the labels"


def test_the_scores_are_means_over_slices_and_seeds() -> None:
    cells = [cell("scratch", 0), cell("scratch", 1, error=0.2), cell("rescaled", error=0.01)]
    forces, energies, spread = (one.figure for one in parity_figures(cells, "shared"))
    assert scores(forces) == ["MAE 300 meV/Å", "MAE 20.0 meV/Å"]
    assert scores(energies) == ["MAE 30.0 meV/atom", "MAE 2.00 meV/atom"]
    assert len(scores(spread)) == 2
    assert sum(x.size for x, _ in points(forces, "scratch").values()) == 2 * 6 * 4 * 3, "the points of both seeds"


def test_spread_and_error_have_logarithmic_axes_in_the_same_unit() -> None:
    figure = parity_figures([cell("scratch")], "shared")[2].figure
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    spread, error = points(figure, "scratch")["300K"]
    np.testing.assert_allclose(error, 100 * 3**0.5, rtol=1e-5)
    np.testing.assert_allclose(spread, 50 * np.array([1.0, 1.02, 1.04]), rtol=1e-5)
    low, high = 10 ** np.array(figure.layout.yaxis.range)
    assert low < spread.min()
    assert high > 300 * 3**0.5


def test_a_spread_that_is_the_same_everywhere_has_no_correlation() -> None:
    one = cell("scratch", structures=1)
    assert scores(parity_figures([one], "shared")[2].figure) == ["ρ = –"]


def test_too_many_points_are_thinned_always_alike_and_the_caption_says_so() -> None:
    cells = [cell("scratch", structures=40, atoms=30), cell("rescaled", error=0.02, structures=40, atoms=30)]
    first, again = (parity_figures(cells, "shared") for _ in range(2))
    assert first[0].figure.to_json() == again[0].figure.to_json()
    for arm in ("scratch", "rescaled"):
        shown = points(first[0].figure, arm)
        sizes: Sequence[int] = [x.size for x, _ in shown.values()]
        assert sum(sizes) == 1500
        assert min(sizes) > 500, "of both slices"
        for name, off in (("300K", 1), ("liquid", 3)):
            x, y = shown[name]
            np.testing.assert_allclose(y - x, off * (0.1 if arm == "scratch" else 0.02), atol=1e-5)
    assert "Of 3,600 points of a panel 1,500 are drawn, chosen at random with a fixed seed." in first[0].caption
    assert "are drawn" not in first[1].caption
    assert scores(first[0].figure) == ["MAE 200 meV/Å", "MAE 40.0 meV/Å"], "of all points"
    assert len(re.sub(r"\s", "", first[0].figure.to_json())) < 60_000


def test_many_arms_are_in_rows_of_three() -> None:
    figure = parity_figures([cell(name) for name in "abcde"], "shared")[0].figure
    assert [one.text for one in figure.layout.annotations][:7] == [
        *"abcde",
        "labelled force, eV/Å",
        "predicted force, eV/Å",
    ]
    assert [axis.showticklabels for axis in figure.select_yaxes()][:5] == [True, False, False, True, False]


def test_without_predictions_there_is_no_figure() -> None:
    assert parity_figures([], "shared") == []
