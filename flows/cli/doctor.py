"""The command ``graft doctor``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.cli.options import AsJson

if TYPE_CHECKING:
    from flows.doctor import Check


def doctor(
    site: Annotated[
        Path | None, typer.Option("--site", metavar="FILE", help="Instead: try this site with one small function.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check compiler, GPAW, threads, data sets, Prefect and versions, and tell what to do about what is wrong."""
    if site is not None:
        _check_site(site, as_json)
    from flows import set_prefect_defaults
    from flows.doctor import run_checks

    set_prefect_defaults()  # what `graft` runs with is what is checked
    _show(run_checks(), as_json)


def _check_site(file: Path, as_json: bool) -> None:
    from al_core.config.reading import read_yaml
    from flows.planning import checked_site
    from flows.site_check import check_site

    _show(check_site(checked_site(read_yaml(file, "site")), Path.cwd()), as_json)


def _show(checks: "list[Check]", as_json: bool) -> None:
    if as_json:
        print(json.dumps({"checks": [asdict(check) for check in checks]}))
    else:
        print_checks(checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def print_checks(checks: "list[Check]", console: Console | None = None) -> None:
    """Print the checks as a table, and below it what to do."""
    console = console or Console()
    table = Table("", "check", "found", box=None, pad_edge=False)
    for check in checks:
        table.add_row("[green]ok[/]" if check.ok else "[bold red]FAIL[/]", check.name, escape(check.found))
    console.print(table)
    for check in sorted((check for check in checks if check.hint), key=lambda check: check.ok):
        console.print(f"\n[{'dim' if check.ok else 'bold'}]{check.name}:[/] {escape(check.hint)}", highlight=False)
