"""The command ``graft study compare``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Open
from flows.cli.preparing import show


def study_compare(
    studies: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of two studies or more.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file.")] = Path("comparison.html"),
    open_: Open = False,
) -> None:
    """Make one report of several studies with the same test set, labeler and reference values."""
    from al_core.report.compare import write_comparison

    show(write_comparison(studies, out), open_)
