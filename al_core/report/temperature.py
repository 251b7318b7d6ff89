"""Heat maps of errors by what was trained on and what was tested on: how a potential carries over to temperatures."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from al_core.report.captioned import CaptionedFigure
from al_core.report.figures import log_ticks
from al_core.report.numbers import counted, number
from al_core.studies.results import StudyResults
from al_core.studies.transferability import TransferMatrix, acquisition_slices, transfer_matrix

_COLUMNS = 2
_CELL_HEIGHT = 34  # pixels
_PANEL_MARGIN = 130


def temperature_figure(results: StudyResults) -> CaptionedFigure | None:
    """Return a heat map an arm at the study's largest finished budget; None where no acquisition selects from slices.

    It is of the config's first comparison.
    """
    slices = acquisition_slices(results.config)
    comparison = next(iter(results.config.get("comparisons", ())), "shared")
    rows = [row for row in results.rows if row.comparison == comparison]
    budget = max((row.budget for row in rows), default=0)
    arms = list(dict.fromkeys(row.arm for row in rows))
    found = [matrix for arm in arms if (matrix := transfer_matrix(rows, slices, comparison, arm, budget)) is not None]
    if not found:
        return None
    seeds = counted(min(len(matrix.seeds) for matrix in found), "seed")
    return CaptionedFigure(
        "Errors by what was trained on and what was tested on",
        _heat_maps(found),
        f"Force MAE in meV/Å with {counted(budget, 'label')}, mean over {seeds}: one row for the slices of the pool "
        "that the labels were selected from, one column a test slice, one panel an arm; the colours are the same in "
        "all panels, and logarithmic. Bold: tested on a slice that its row names. Lower is better.",
    )


def _heat_maps(matrices: Sequence[TransferMatrix]) -> go.Figure:
    columns, rows = min(len(matrices), _COLUMNS), -(-len(matrices) // _COLUMNS)
    height = _CELL_HEIGHT * len(matrices[0].trained_on) + _PANEL_MARGIN
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[matrix.arm for matrix in matrices],
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=_PANEL_MARGIN / height / rows,
    )
    for index, matrix in enumerate(matrices):
        figure.add_heatmap(
            x=matrix.tested_on,
            y=matrix.trained_on,
            z=np.log10(matrix.errors),
            text=_texts(matrix),
            texttemplate="%{text}",
            hovertemplate="trained on %{y}, tested on %{x}: %{text} meV/Å<extra></extra>",
            coloraxis="coloraxis",
            xgap=2,
            ygap=2,
            row=index // columns + 1,
            col=index % columns + 1,
        )
    every = np.concatenate([matrix.errors.ravel() for matrix in matrices])
    ticks = log_ticks(float(every.min()), float(every.max()))
    figure.update_xaxes(title_text="tested on", title_standoff=6, fixedrange=True, type="category")
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category", automargin=True)
    figure.update_yaxes(title_text="trained on", title_standoff=10, col=1)
    figure.update_layout(
        template="none",
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#2b2b2b"},
        height=height * rows,
        margin={"l": 62, "r": 12, "t": 36, "b": 56},
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": "#2b2b2b"}},
        coloraxis={
            "colorscale": "Viridis",
            "reversescale": True,
            "colorbar": {
                "title": {"text": "force MAE, meV/Å", "side": "right"},
                "thickness": 12,
                "tickvals": np.log10(ticks).tolist(),
                "ticktext": [f"{tick:g}" for tick in ticks],
            },
        },
    )
    return figure


def _texts(matrix: TransferMatrix) -> list[list[str]]:
    """Return what is written in the cells."""
    return [
        [
            f"<b>{number(float(error))}</b>" if tested in slices else number(float(error))
            for tested, error in zip(matrix.tested_on, errors, strict=True)
        ]
        for slices, errors in zip(matrix.trained_slices, matrix.errors, strict=True)
    ]
