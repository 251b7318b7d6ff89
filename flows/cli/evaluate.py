"""The command ``graft eval``."""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    bundle: Annotated[Path, typer.Option("--bundle", help="A model bundle, or a folder of them (their mean).")],
    data: Annotated[Path, typer.Option("--data", help="Labelled extxyz file; eV and eV/Å.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    energy_key: str = "REF_energy",
    forces_key: str = "REF_forces",
    slice_key: Annotated[str, typer.Option(help="The name in info that structures are grouped by.")] = "config_type",
) -> None:
    """Print force and energy errors of a model on labelled data."""
    from al_core.evaluation.assessment import assess

    errors = assess(bundle, data, energy_key, forces_key, slice_key)
    if as_json:
        print(json.dumps({**errors["all"], "slices": {k: v for k, v in errors.items() if k != "all"}}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{bundle} on {data}")
    table.add_column("slice")
    columns = list(errors["all"])
    for column in columns:
        table.add_column(column, justify="right")
    for name, values in errors.items():
        table.add_row(name, *(f"{values[c]:.0f}" if c == "n_structures" else f"{values[c]:.1f}" for c in columns))
    Console().print(table)
