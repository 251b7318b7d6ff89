"""Predicted against labelled values of the test structures, and how far committees know their errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from al_core.report.captioned import CaptionedFigure
from al_core.report.figures import log_ticks
from al_core.report.numbers import counted, number
from al_core.studies.predictions import CellPredictions, Predicted, by_slice, spread_correlation

_COLUMNS = 3
_PANEL_HEIGHT = 300  # pixels
_MARGIN_HEIGHT = 130
_MOST_POINTS = 1500  # of a panel: enough to see, few enough to send
_SEED = 0  # which points are drawn
_COLOURS = ("#332288", "#CC6677", "#117733", "#DDCC77", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "x", "pentagon")
_GREY = "#b5b5b0"


@dataclass(frozen=True)
class _Plot:
    """What the panels of a figure show.

    Attributes:
        x, y: titles of the axes.
        points: from structures to x and y of the points, [2, n].
        score: a number of one cell's structures, which is averaged over seeds.
        told: what is written in a panel, with ``{}`` for that number.
        logarithmic: whether the axes are.
    """

    x: str
    y: str
    points: Callable[[Sequence[Predicted]], np.ndarray]
    score: Callable[[Sequence[Predicted]], float]
    told: str
    logarithmic: bool = False


def parity_figures(cells: Sequence[CellPredictions], part: str) -> list[CaptionedFigure]:
    """Return parity of forces, parity of energies, and spread against error: a panel an arm, a colour a test slice.

    Args:
        cells: of all arms and seeds at one budget, as
            :meth:`al_core.studies.predictions.PredictionReader.at_largest_budget` returns them.
        part: the comparison and acquisition they are of, in words.

    Returns:
        Nothing where there are no cells.
    """
    if not cells:
        return []
    mean = float(np.mean([one.label_energy for one in cells[0].structures]))
    forces = _Plot("labelled force, eV/Å", "predicted force, eV/Å", _forces, _force_mae, "MAE {} meV/Å")
    energies = _Plot(
        "labelled energy, eV/atom",
        "predicted energy, eV/atom",
        lambda structures: _energies(structures) - mean,
        _energy_mae,
        "MAE {} meV/atom",
    )
    spread = _Plot("committee spread, meV/Å", "force error, meV/Å", _spread, _correlation, "ρ = {}", logarithmic=True)
    seeds = len({cell.seed for cell in cells})
    whose = f"Committees trained on {counted(cells[0].budget, 'label')} ({part}), {counted(seeds, 'seed')}."
    return [
        CaptionedFigure(
            "Parity of forces",
            _panels(cells, forces),
            f"Components of the forces on the atoms of the test structures, predicted against labelled. {whose} "
            f"MAE: mean over test slices and seeds.{_thinning(cells, forces)}",
        ),
        CaptionedFigure(
            "Parity of energies",
            _panels(cells, energies),
            "Energies per atom of the test structures, predicted against labelled, both relative to the mean of the "
            f"labels ({number(mean)} eV/atom). {whose} MAE: mean over test slices and seeds."
            f"{_thinning(cells, energies)}",
        ),
        CaptionedFigure(
            "Committee spread against force error",
            _panels(cells, spread),
            "A point a test structure: how far the members of its committee disagree about the force on an atom, and "
            f"the length of the error of their mean, both means over its atoms, on logarithmic axes. {whose} On the "
            "line the spread is as large as the error; above it the committee is too sure of itself. ρ: Spearman's "
            "rank correlation over the test structures, mean over seeds. With 1 the structures with the largest "
            f"spread are those with the largest errors, with 0 the spread tells nothing.{_thinning(cells, spread)}",
        ),
    ]


def _forces(structures: Sequence[Predicted]) -> np.ndarray:
    return np.concatenate([[one.label_forces.ravel(), one.forces.ravel()] for one in structures], axis=1)


def _energies(structures: Sequence[Predicted]) -> np.ndarray:
    return np.array([[one.label_energy, one.energy] for one in structures]).T


def _spread(structures: Sequence[Predicted]) -> np.ndarray:
    return 1e3 * np.array([[one.deviation, one.force_error] for one in structures]).T


def _force_mae(structures: Sequence[Predicted]) -> float:
    slices = [np.abs(np.subtract(*_forces(members))).mean() for members in by_slice(structures).values()]
    return 1e3 * float(np.mean(slices))


def _energy_mae(structures: Sequence[Predicted]) -> float:
    slices = [np.abs(np.subtract(*_energies(members))).mean() for members in by_slice(structures).values()]
    return 1e3 * float(np.mean(slices))


def _correlation(structures: Sequence[Predicted]) -> float:
    found = spread_correlation(structures)
    return np.nan if found is None else found


def _thinning(cells: Sequence[CellPredictions], plot: _Plot) -> str:
    """Return a sentence on how many points are shown; '' where all are."""
    every = max(plot.points(some).shape[1] for some in _by_arm(cells).values())
    if every <= _MOST_POINTS:
        return ""
    return f" Of {every:,} points of a panel {_MOST_POINTS:,} are drawn, chosen at random with a fixed seed."


def _by_arm(cells: Sequence[CellPredictions]) -> dict[str, list[Predicted]]:
    """Return the structures of each arm, of all seeds together."""
    arms: dict[str, list[Predicted]] = {}
    for cell in cells:
        arms.setdefault(cell.arm, []).extend(cell.structures)
    return arms


def _panels(cells: Sequence[CellPredictions], plot: _Plot) -> go.Figure:
    """Return a panel an arm, all with the same axes, the line of equal values, and the arm's score."""
    arms = _by_arm(cells)
    slices = list(dict.fromkeys(one.slice for cell in cells for one in cell.structures))
    columns, rows = min(len(arms), _COLUMNS), -(-len(arms) // _COLUMNS)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=list(arms),
        horizontal_spacing=0.04,
        vertical_spacing=0.2 / rows,
        x_title=plot.x,
        y_title=plot.y,
    )
    ends = _ends(np.concatenate([plot.points(some) for some in arms.values()], axis=1), plot.logarithmic)
    line = {"x": ends, "y": ends, "mode": "lines", "line": {"color": _GREY, "width": 1}}
    for index, (arm, structures) in enumerate(arms.items()):
        where = {"row": index // columns + 1, "col": index % columns + 1}
        figure.add_scatter(**line, hoverinfo="skip", showlegend=False, **where)
        for name, (x, y) in _thinned(structures, plot).items():
            figure.add_scatter(
                x=x,
                y=y,
                name=name,
                legendgroup=name,
                showlegend=index == 0,
                mode="markers",
                marker=_marker(slices.index(name)),
                hovertemplate=f"{name}: %{{x:.3g}}, %{{y:.3g}}<extra>{arm}</extra>",
                **where,
            )
        score = float(np.mean([plot.score(cell.structures) for cell in cells if cell.arm == arm]))
        text = plot.told.format(number(score) if np.isfinite(score) else "–")
        figure.add_annotation(text=text, **_corner(figure, **where))
        figure.update_yaxes(showticklabels=where["col"] == 1, **where)
    _lay_out(figure, rows, ends, plot.logarithmic)
    return figure


def _marker(slice_number: int) -> dict[str, object]:
    colour, symbol = _COLOURS[slice_number % len(_COLOURS)], _SYMBOLS[slice_number % len(_SYMBOLS)]
    return {"color": colour, "symbol": symbol, "size": 5, "opacity": 0.55}


def _thinned(structures: Sequence[Predicted], plot: _Plot) -> dict[str, np.ndarray]:
    """Return the points of each slice, float32 [2, n], drawn from all of the panel where there are too many."""
    slices = by_slice(structures)
    points = [plot.points(members).astype(np.float32) for members in slices.values()]
    owners = np.repeat(np.arange(len(slices)), [part.shape[1] for part in points])
    shown = np.sort(np.random.default_rng(_SEED).permutation(len(owners))[:_MOST_POINTS])
    every = np.concatenate(points, axis=1)
    return {name: every[:, shown[owners[shown] == index]] for index, name in enumerate(slices)}


def _corner(figure: go.Figure, row: int, col: int) -> dict[str, object]:
    """Return where an annotation is in the upper left corner of a panel."""
    axis = next(figure.select_yaxes(row=row, col=col)).plotly_name.removeprefix("yaxis")
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0.03, "y": 0.97}
    return {**place, "xanchor": "left", "yanchor": "top", "showarrow": False, "bgcolor": "#ffffffcc"}


def _ends(values: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    """Return the ends of both axes, a little beyond all values."""
    if logarithmic:
        positive = values[values > 0]
        return (float(positive.min() / 1.3), float(positive.max() * 1.3)) if len(positive) else (0.1, 1.0)
    margin = 0.05 * (float(np.ptp(values)) or 1.0)
    return float(values.min()) - margin, float(values.max()) + margin


def _lay_out(figure: go.Figure, rows: int, ends: tuple[float, float], logarithmic: bool) -> None:
    axis = {
        "range": list(ends),
        "nticks": 5,
        "showline": True,
        "zeroline": False,
        "linecolor": _GREY,
        "gridcolor": "#ecebe6",
        "fixedrange": True,
    }
    if logarithmic:
        decades = [10.0**power for power in range(*(int(np.ceil(end)) for end in np.log10(ends)))]
        ticks = decades if len(decades) > 1 else log_ticks(*ends)
        axis |= {"type": "log", "range": [float(end) for end in np.log10(ends)]}
        axis |= {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks], "tickangle": 0}
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    below = -60 / (_PANEL_HEIGHT * rows)  # of the panels' height
    figure.update_layout(
        template="none",
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#2b2b2b"},
        height=_PANEL_HEIGHT * rows + _MARGIN_HEIGHT,
        margin={"l": 62, "r": 12, "t": 36, "b": 96},
        legend={"orientation": "h", "x": 0, "y": below, "yanchor": "top", "itemsizing": "constant"},
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#2b2b2b"}},
    )
