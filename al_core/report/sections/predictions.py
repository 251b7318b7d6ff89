"""What is drawn of single structures: parity plots, committee spread, the map of pool and test set, heat maps."""

from collections.abc import Sequence

from al_core.report.captioned import CaptionedFigure, CaptionedHtml
from al_core.report.figures import figure_html
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.parity import parity_figures
from al_core.report.pool_map import pool_map_section
from al_core.report.sections.spread import spread_by_slice
from al_core.report.temperature import temperature_figure


def parity_section(view: Overview) -> Section | None:
    """Return predicted against labelled forces and energies, of the first comparison and acquisition."""
    found = [one for part in view.finished_parts()[:1] for one in parity_figures(view.predictions(part), part.title)]
    return Section("parity", "Parity plots", _html(found[:2], "parity")) if found else None


def spread_section(view: Overview) -> Section | None:
    """Return the committee's spread against its error: by test structure where these were kept, else by slice."""
    found = [one for part in view.finished_parts()[:1] for one in parity_figures(view.predictions(part), part.title)]
    if not found:
        return spread_by_slice(view)
    return Section("spread", "Committee spread against error", _html(found[2:], "spread"))


def map_section(view: Overview) -> Section | None:
    """Return the map of pool and test set: what was labelled, and where the errors are."""
    if view.folder is None or not view.finished_parts():
        return None
    cells = view.predictions(view.finished_parts()[0])
    found = pool_map_section(view.folder, view.results.rows, cells, view.leader)
    return None if found is None else Section("map", "What was labelled, and why", _html([found], "map"))


def temperature_section(view: Overview) -> Section | None:
    """Return the errors by slices that were trained on and tested on."""
    found = temperature_figure(view.results)
    return None if found is None else Section("temperature", "Temperature matrix", _html([found], "temperature"))


def _html(found: Sequence[CaptionedFigure | CaptionedHtml], name: str) -> str:
    blocks = [
        (one.title, one.html if isinstance(one, CaptionedHtml) else _drawn(one, f"{name}-{number}"), one.caption)
        for number, one in enumerate(found)
    ]
    return fragment("sections/predictions", blocks=blocks)


def _drawn(one: CaptionedFigure, element_id: str) -> str:
    return figure_html(one.figure, element_id, f"{one.title}.")
