"""The command ``graft doctor``."""

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from flows.doctor import Check


def doctor() -> None:
    """Check compiler, GPAW, threads, data sets, Prefect and versions, and tell what to do about what is wrong."""
    from flows import set_prefect_defaults
    from flows.doctor import run_checks

    set_prefect_defaults()  # what `graft` runs with is what is checked
    checks = run_checks()
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
