"""The page of a report: sections below each other, with a table of contents; one file that needs nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from al_core.report.numbers import hours, number
from al_core.report.styles import DARK

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        id: of its element, which the table of contents links to.
        title: its heading.
        html: what comes below the heading.
    """

    id: str
    title: str
    html: str


def fragment(template: str, /, **values: Any) -> str:
    """Return a template of this folder filled with values; ``template`` is its path without ``.html.j2``."""
    return _environment().get_template(f"{template}.html.j2").render(**values)


def page_html(title: str, header: str, sections: Iterable[Section | None], script: str) -> str:
    """Return the page.

    Args:
        title: of the window.
        header: HTML above the sections: the verdict.
        sections: in order; None is left out.
        script: the source of plotly.js.
    """
    shown: Sequence[Section] = [section for section in sections if section is not None]
    return fragment(
        "page",
        title=title,
        header=header,
        sections=shown,
        dark=DARK,
        plotly_script=script,
        style=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        page_script=(_FOLDER / "page.js").read_text(encoding="utf-8"),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, hours=hours)
    return environment
