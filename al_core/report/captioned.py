"""What a report shows, with what is to be read below it."""

from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class CaptionedFigure:
    """A figure with its title and caption, both plain text."""

    title: str
    figure: go.Figure
    caption: str


@dataclass(frozen=True)
class CaptionedHtml:
    """An HTML fragment, which needs plotly.js before it on the page, with its title and caption, both plain text."""

    title: str
    html: str
    caption: str
