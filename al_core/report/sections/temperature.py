"""Heat maps of errors by what was trained on and what was tested on: how a potential carries over to temperatures."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from al_core.report.figures import colour_bar, figure_html, panels
from al_core.report.numbers import counted, number
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.studies.transferability import TransferMatrix, acquisition_slices, transfer_matrix

_TITLE = "Errors by what was trained on and what was tested on"
_ROW_PX, _COLUMN_PX = 38, 46  # of a cell; the width at least
_MARGINS_PX = 110
_FONT_PX = 11  # so that four digits fit into the narrowest cell


def temperature_section(view: Overview) -> Section | None:
    """Return a heat map an arm at the largest finished budget; None where no acquisition selects from slices.

    It is of the first comparison.
    """
    slices = acquisition_slices(view.results.config)
    comparison = view.parts[0].comparison if view.parts else ""
    rows = [row for row in view.results.rows if row.comparison == comparison]
    budget = max((row.budget for row in rows), default=0)
    found = [one for arm in view.arms if (one := transfer_matrix(rows, slices, comparison, arm, budget)) is not None]
    if not found:
        return None
    text = f"{_TITLE}: force MAE. {_in_words(found)}"
    html = fragment(
        "sections/temperature",
        figure=figure_html(_figure(found), "temperature-maps", text, _width(found)),
        labels=counted(budget, "label"),
        seeds=counted(min(len(matrix.seeds) for matrix in found), "seed"),
    )
    return Section("temperature", _TITLE, html)


def _figure(matrices: Sequence[TransferMatrix]) -> go.Figure:
    figure = panels([matrix.arm for matrix in matrices])
    for column, matrix in enumerate(matrices, 1):
        heat_map = go.Heatmap(
            x=matrix.tested_on,
            y=matrix.trained_on,
            z=np.log10(matrix.errors).tolist(),
            text=_texts(matrix),
            texttemplate="%{text}",
            textfont={"size": _FONT_PX},
            hovertemplate="trained on %{y}, tested on %{x}: %{text} meV/Å<extra></extra>",
            coloraxis="coloraxis",
            xgap=2,
            ygap=2,
        )
        figure.add_trace(heat_map, 1, column)
    every = np.concatenate([matrix.errors.ravel() for matrix in matrices])
    bar = colour_bar("meV/Å", float(every.min()), float(every.max()))
    plain = {"showline": False, "showgrid": False, "type": "category"}
    figure.update_xaxes(plain, title_text="tested on")
    figure.update_yaxes(plain, autorange="reversed", automargin=True)
    figure.update_yaxes(title_text="trained on", col=1)
    figure.update_layout(
        height=_ROW_PX * len(matrices[0].trained_on) + _MARGINS_PX,
        coloraxis={"colorscale": "Viridis", "reversescale": True, "colorbar": bar},
    )
    return figure


def _width(matrices: Sequence[TransferMatrix]) -> int:
    return _COLUMN_PX * len(matrices[0].tested_on) + _MARGINS_PX // len(matrices)


def _in_words(matrices: Sequence[TransferMatrix]) -> str:
    """Return all errors, for those who do not see the figure."""
    return " ".join(
        f"{matrix.arm}, trained on {trained}: "
        + ", ".join(f"{number(float(e))} meV/Å on {on}" for on, e in zip(matrix.tested_on, errors, strict=True))
        + "."
        for matrix in matrices
        for trained, errors in zip(matrix.trained_on, matrix.errors, strict=True)
    )


def _texts(matrix: TransferMatrix) -> list[list[str]]:
    """Return what is written in the cells."""
    return [
        [
            f"<b>{number(float(error))}</b>" if tested in slices else number(float(error))
            for tested, error in zip(matrix.tested_on, errors, strict=True)
        ]
        for slices, errors in zip(matrix.trained_slices, matrix.errors, strict=True)
    ]
