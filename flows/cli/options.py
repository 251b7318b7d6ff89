"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The study's config.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for stores, results and report.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change a value of the config; repeatable. Values are YAML."),
]
Site = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="Where to compute: a YAML file with the settings of a `site`."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in the browser.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show Prefect's log.")]
