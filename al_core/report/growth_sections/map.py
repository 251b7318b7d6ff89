"""The map of a growth: where walkers started, what they came by, what of it was labelled, and the test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from ase import Atoms

from al_core.report.figures import figure_html, panels
from al_core.report.growth_overview import GrowthOverview, round_name
from al_core.report.numbers import NO_BREAK, counted, number
from al_core.report.page import Section, fragment
from al_core.report.styles import INK, LINE, SOFT
from al_core.report.viewer import Viewed, viewer_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import slice_of
from al_core.studies.features import beyond
from al_core.studies.growth_index import Chosen
from al_core.studies.pool_map import principal_components

_ID, _TITLE = "growth-map", "Map of structures"
_MOST_FRAMES = 600  # of all rounds: more is a blot
_FEWEST = 3
_TALLER_PX = 170
_STARTS, _TEST = "starts", "test set"


@dataclass(frozen=True)
class _Point:
    """A structure on the map.

    Attributes:
        atoms: the structure.
        group: the trace that it is of.
        told: what is said of it.
        chosen: the round in which it was labelled; None where it was not.
    """

    atoms: Atoms
    group: str
    told: str
    chosen: int | None = None


def map_section(view: GrowthOverview) -> Section | None:
    """Return the map of starts, frames, labelled structures and test set; None where there are too few of them.

    Structures whose features were not computed are left out.
    """
    frames, every = _frames(view)
    points = [one for one in (*_starts(view), *frames, *_tests(view)) if structure_id(one.atoms) in view.features]
    if len(points) < _FEWEST:
        return None
    places, explained = principal_components(np.stack([view.features[structure_id(one.atoms)] for one in points]))
    drawn = f", {len(frames)} of {every} of them" if len(frames) < every else ""
    viewed = [
        Viewed(float(f"{x:.4g}"), float(f"{y:.4g}"), one.told, one.atoms, first=one.chosen is not None)
        for one, (x, y) in zip(points, places, strict=True)
    ]
    html = fragment(
        "growth_sections/map",
        id=_ID,
        figure=figure_html(
            _figure(view, points, places, explained), f"{_ID}-figure", f"{_TITLE}; the list shows them one by one."
        ),
        selections=[],
        groups=_groups(points),
        data=viewer_json(viewed, []),
        variance=f"{100 * sum(explained):.0f}{NO_BREAK}%",
        drawn=drawn,
        tested=bool(view.test_structures),
        unlike=_unlike(view),
    )
    return Section(_ID, _TITLE, html)


def _unlike(view: GrowthOverview) -> str:
    """Return how many frames are unlike all that was sampled without a model; '' where too little is known."""
    known, told = [one for one in view.test_structures if not view.outside(slice_of(one))], "test structures"
    if not known:
        known, told = view.starts, "starts"
    neutral = [view.features[name] for atoms in known if (name := structure_id(atoms)) in view.features]
    names = {structure_id(frame.atoms) for frames in view.frames.values() for frame in frames}
    frames = [view.features[name] for name in sorted(names) if name in view.features]
    if len(neutral) < _FEWEST or not frames:
        return ""
    unlike = int(beyond(np.stack(frames), np.stack(neutral)).sum())
    if known is not view.starts and len(known) < len(view.test_structures):
        told += " within the purpose"
    return (
        f"{unlike} of {counted(len(frames), 'frame')} that walkers came by are farther from each of the {told} than "
        "any of these is from its nearest neighbour among them: nothing that was sampled without a model is like them."
    )


def _starts(view: GrowthOverview) -> list[_Point]:
    return [
        _Point(atoms, _STARTS, f"start, {slice_of(atoms)}, {counted(len(atoms), 'atom')}")
        for atoms in _evenly(view.starts)
    ]


def _tests(view: GrowthOverview) -> list[_Point]:
    predicted = view.predictions.get(view.rounds[-1].number, ()) if view.rounds else ()
    errors = {one.structure: 1e3 * one.force_mae for one in predicted}
    found = []
    for atoms in _evenly(view.test_structures):
        error, why = errors.get(structure_id(atoms)), view.outside(slice_of(atoms))
        told = f"test, {slice_of(atoms)}, {counted(len(atoms), 'atom')}"
        told += f" (outside the purpose: {why})" if why else ""
        told += f": force error {number(error)} meV/Å in the last round" if error is not None else ""
        found.append(_Point(atoms, _TEST, told))
    return found


def _frames(view: GrowthOverview) -> tuple[list[_Point], int]:
    """Return the frames of all rounds, those that were labelled and of many others some; and how many there are."""
    labelled, others, seen = [], [], set()
    for one in view.rounds:
        chosen = {each.structure: each for each in one.chosen}
        for frame in view.frames[one.number]:
            name = structure_id(frame.atoms)
            own = chosen.get(name)
            if own is not None and name in seen:
                continue  # two walkers may come by the same structure
            seen.add(name)
            told = (
                f"{round_name(one)}, {slice_of(frame.atoms)}, {counted(len(frame.atoms), 'atom')}, "
                f"walker {frame.walker} after {frame.time_ps:.3g} ps: {number(1e3 * frame.expected)} meV/Å expected"
            )
            if own is None:
                others.append(_Point(frame.atoms, round_name(one), told))
            else:
                labelled.append(_Point(frame.atoms, round_name(one), f"{told}; {_fate(own)}", one.number))
    kept = _evenly(others, max(0, _MOST_FRAMES - len(labelled)))
    return [*labelled, *kept], len(labelled) + len(others)


def _fate(one: Chosen) -> str:
    how = "drawn at random" if one.drawn else "selected"
    return f"{how}, label failed: {one.failure}" if one.failure else f"{how} and labelled"


def _evenly(values: Sequence[Any], most: int = _MOST_FRAMES) -> list[Any]:
    if len(values) <= most:
        return list(values)
    return [values[index] for index in np.linspace(0, len(values) - 1, most).astype(int)] if most else []


def _groups(points: Sequence[_Point]) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return the structures by group, the labelled ones of a round apart, by their number: the list on the page."""
    groups: dict[str, list[tuple[int, str]]] = {}
    order = sorted(range(len(points)), key=lambda index: points[index].chosen is None)
    for index in order:
        one = points[index]
        members = groups.setdefault(one.group if one.chosen is None else f"{one.group}, labelled", [])
        members.append((index, f"{slice_of(one.atoms)} {len(members) + 1}"))
    return list(groups.items())


def _figure(
    view: GrowthOverview, points: Sequence[_Point], places: np.ndarray, explained: Sequence[float]
) -> go.Figure:
    """Return the map; its last trace is the mark of the structure that is shown beside it."""
    figure = panels([""])

    def add(name: str, indices: Sequence[int], marker: Mapping[str, object]) -> None:
        if indices:
            figure.add_scatter(
                x=[float(f"{places[index, 0]:.4g}") for index in indices],
                y=[float(f"{places[index, 1]:.4g}") for index in indices],
                customdata=list(indices),
                text=[points[index].told for index in indices],
                hovertemplate="%{text}<extra></extra>",
                name=name,
                mode="markers",
                marker=dict(marker),
            )

    def of(group: str) -> list[int]:
        return [index for index, one in enumerate(points) if one.group == group]

    add(_STARTS, of(_STARTS), {"color": LINE, "size": 10, "symbol": "square"})
    add(_TEST, of(_TEST), {"color": SOFT, "symbol": "diamond-open", "size": 8})
    for one, style in zip(view.rounds, view.styles, strict=True):
        add(round_name(one), of(round_name(one)), {"color": style.colour, "size": 5})
    colours = {one.number: style.colour for one, style in zip(view.rounds, view.styles, strict=True)}
    rings = [(index, colours[one.chosen]) for index, one in enumerate(points) if one.chosen is not None]
    ring = {"symbol": "circle-open", "size": 14, "color": [colour for _, colour in rings], "line": {"width": 2.5}}
    add("labelled", [index for index, _ in rings], ring)
    mark = {"symbol": "x-thin-open", "size": 18, "color": INK, "line": {"width": 2.5}}
    figure.add_scatter(x=[None], y=[None], mode="markers", marker=mark, showlegend=False, hoverinfo="skip")
    shares = [f"{100 * share:.0f} %" for share in explained]
    figure.update_xaxes(showticklabels=False, title_text=f"first component ({shares[0]})")
    figure.update_yaxes(showticklabels=False, title_text=f"second component ({shares[1]})")
    figure.update_layout(
        height=figure.layout.height + _TALLER_PX,
        margin={"l": 40, "t": 80},
        hovermode="closest",
        showlegend=True,  # plotly's own, which knows rings
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return figure
