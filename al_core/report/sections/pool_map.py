"""The map of pool and test set: what lies where, which structures were selected when, and what they look like."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from ase import Atoms

from al_core.report.figures import colour_bar, figure_html, panels
from al_core.report.numbers import NO_BREAK, counted, number
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.styles import INK, LINE, SOFT, round_colours
from al_core.report.viewer import Viewed, viewer_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.pool_map import MapPoint, PoolMap, Selected, read_pool_map, selected_structures
from al_core.studies.predictions import CellPredictions
from al_core.studies.workspace import Workspace

_TITLE = "Map of pool and test set"
_ID = "pool-map"
_ERRORS = "Viridis"
_TALLER_PX = 140


@dataclass(frozen=True)
class _Shown:
    """A structure as the page shows it: where it lies, what it is of, what is told about it."""

    point: MapPoint
    group: str
    told: str


def pool_map_section(view: Overview) -> Section | None:
    """Return the map of pool and test set, with the leader's errors; None where there is none of these structures."""
    found = read_pool_map(view.folder) if view.folder else None
    if view.folder is None or found is None:
        return None
    atoms = _structures_in(view.folder)
    if any(point.structure not in atoms for point in (*found.pool, *found.test)):
        return None
    leading = [cell for cell in view.predictions if cell.arm == view.leader]
    errors = _force_errors(leading)
    selections = selected_structures(view.results.rows)
    shown = _shown(found, errors, selections, leading)
    rings = [_rings(shown, one, visible=index == 0) for index, one in enumerate(selections)]
    figure = _figure(found, shown, errors, [trace for traces in rings for trace in traces])
    first = len(figure.data) - 1 - sum(map(len, rings))  # the last trace is the mark
    ends = np.cumsum([first, *map(len, rings)]).tolist()
    html = fragment(
        "sections/pool_map",
        id=_ID,
        figure=figure_html(figure, f"{_ID}-figure", f"{_TITLE}; the list shows its structures one by one."),
        selections=[one.title for one in selections],
        groups=_groups(shown),
        data=viewer_json(_viewed(shown, atoms, selections), [list(range(start, end)) for start, end in pairwise(ends)]),
        variance=f"{100 * sum(found.explained):.0f}{NO_BREAK}%",
        pool=counted(len(found.pool), "structure"),
        drawn=len(found.pool) + len(found.test) < len(atoms),
        test=counted(len(found.test), "structure"),
        errors=_whose(leading),
    )
    return Section(_ID, _TITLE, html)


def _structures_in(folder: Path) -> dict[str, Atoms]:
    """Return the structures of pool and test set, as far as they are in the study's folder, by their ids."""
    workspace = Workspace(folder)
    files = [file for file in (workspace.pool, workspace.test) if file.exists()]
    return {structure_id(one): one for file in files for one in read_structures(file)}


def _whose(leading: Sequence[CellPredictions]) -> str:
    """Return whose errors are shown; '' where there are none."""
    if not leading:
        return ""
    seeds = counted(len({cell.seed for cell in leading}), "seed")
    return f"{leading[0].arm} with {counted(leading[0].budget, 'label')}, mean over {seeds}"


def _force_errors(cells: Sequence[CellPredictions]) -> dict[str, float]:
    """Return the force MAE of each test structure, mean over seeds, meV/Å."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        for one in cell.structures:
            found.setdefault(one.structure, []).append(1e3 * one.force_mae)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _shown(
    found: PoolMap, errors: dict[str, float], selections: Sequence[Selected], leading: Sequence[CellPredictions]
) -> list[_Shown]:
    shown = []
    for point in found.pool:
        when = [
            f"by {one.title} with {counted(one.budgets[point.structure], 'label')}"
            for one in selections
            if point.structure in one.budgets
        ]
        told = f"selected {'; '.join(when)}" if when else "not selected"
        shown.append(_Shown(point, "pool", f"pool, {point.slice}, {point.structure}: {told}"))
    for point in found.test:
        told = f"test, {point.slice}, {point.structure}"
        if point.structure in errors:
            told += f": force MAE of {leading[0].arm} {number(errors[point.structure])} meV/Å"
        shown.append(_Shown(point, "test", told))
    return shown


def _groups(shown: Sequence[_Shown]) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return the structures by pool or test set and slice, by their number: what the list on the page has."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for index, one in enumerate(shown):
        members = groups.setdefault(f"{one.group}: {one.point.slice}", [])
        members.append((index, f"{one.point.slice} {len(members) + 1}"))
    return list(groups.items())


def _viewed(shown: Sequence[_Shown], atoms: dict[str, Atoms], selections: Sequence[Selected]) -> list[Viewed]:
    """Return the structures for the viewer; the atoms of what was not selected of the pool are the first to be left."""
    selected = {name for one in selections for name in one.budgets}
    return [
        Viewed(
            one.point.x,
            one.point.y,
            one.told,
            atoms[one.point.structure],
            first=one.group != "pool" or one.point.structure in selected,
        )
        for one in shown
    ]


def _scatter(name: str, indices: Sequence[int], shown: Sequence[_Shown], **settings: Any) -> go.Scatter:
    points = [shown[index].point for index in indices]
    return go.Scatter(
        x=[point.x for point in points],
        y=[point.y for point in points],
        customdata=list(indices),
        text=[shown[index].told for index in indices],
        hovertemplate="%{text}<extra></extra>",
        name=name,
        mode="markers",
        **settings,
    )


def _rings(shown: Sequence[_Shown], selected: Selected, visible: bool) -> list[go.Scatter]:
    """Return one trace of rings for each budget at which structures of the pool were selected."""
    numbers = {one.point.structure: index for index, one in enumerate(shown) if one.group == "pool"}
    budgets = sorted(set(selected.budgets.values()))
    return [
        _scatter(
            f"with {counted(budget, 'label')}",
            [numbers[name] for name, when in selected.budgets.items() if when == budget and name in numbers],
            shown,
            visible=visible,
            marker={"symbol": "circle-open", "size": 13, "color": colour, "line": {"width": 2.5}},
        )
        for budget, colour in zip(budgets, round_colours(len(budgets)), strict=True)
    ]


def _figure(
    found: PoolMap, shown: Sequence[_Shown], errors: dict[str, float], rings: Sequence[go.Scatter]
) -> go.Figure:
    """Return the map: pool, test set, rings, and last the mark of the structure that is shown beside it."""
    pool = [index for index, one in enumerate(shown) if one.group == "pool"]
    test = [index for index, one in enumerate(shown) if one.group == "test"]
    known = [index for index in test if errors.get(shown[index].point.structure, 0) > 0]
    unknown = [index for index in test if index not in known]
    figure = panels([""])
    figure.add_trace(_scatter("pool", pool, shown, marker={"color": LINE, "size": 7}))
    if unknown:
        figure.add_trace(_scatter("test set", unknown, shown, marker={"color": SOFT, "symbol": "diamond", "size": 8}))
    if known:
        values = np.array([errors[shown[index].point.structure] for index in known])
        marker = {
            "symbol": "diamond",
            "size": 8,
            "line": {"color": SOFT, "width": 0.8},
            "color": np.log10(values).tolist(),
            "colorscale": _ERRORS,
            "reversescale": True,
            "colorbar": colour_bar("meV/Å", float(values.min()), float(values.max())),
        }
        figure.add_trace(_scatter("test set", known, shown, marker=marker))
    figure.add_traces(list(rings))
    mark = {"symbol": "x-thin-open", "size": 18, "color": INK, "line": {"width": 2.5}}
    figure.add_scatter(x=[None], y=[None], mode="markers", marker=mark, showlegend=False, hoverinfo="skip")
    shares = [f"{100 * share:.0f} %" for share in found.explained]
    figure.update_xaxes(showticklabels=False, title_text=f"first component ({shares[0]})")
    figure.update_yaxes(showticklabels=False, title_text=f"second component ({shares[1]})")
    figure.update_layout(
        height=figure.layout.height + _TALLER_PX,
        margin={"l": 40, "t": 60},
        hovermode="closest",
        showlegend=True,  # plotly's own, as the page's would show the rings of all selections
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return figure
