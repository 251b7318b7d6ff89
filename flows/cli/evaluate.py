"""The command ``graft eval``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson


def evaluate(
    bundle: Annotated[Path, typer.Option("--bundle", help="A model bundle, or a folder of them (their mean).")],
    data: Annotated[Path, typer.Option("--data", help="Labelled extxyz file; eV and eV/Å.")],
    as_json: AsJson = False,
    energy_key: str = "REF_energy",
    forces_key: str = "REF_forces",
    stress_key: Annotated[str, typer.Option(help="Name of the stress, positive under tension.")] = "REF_stress",
    stress_unit: Annotated[str, typer.Option(help="Unit of the stress: eV/A^3, GPa or kbar.")] = "eV/A^3",
    slice_key: Annotated[str, typer.Option(help="The name in info that structures are grouped by.")] = "config_type",
) -> None:
    """Print errors of force, energy, stress and pressure of a model on labelled data.

    The line "all" has the means over slices. The pressure bias is predicted minus labelled pressure. A dash: no label
    there has a stress.
    """
    from al_core.evaluation.assessment import assess
    from flows.planning import label_keys

    keys = {"energy_key": energy_key, "forces_key": forces_key, "stress_key": stress_key, "stress_unit": stress_unit}
    errors = assess(bundle, data, label_keys(data, keys), slice_key)
    if as_json:
        print(json.dumps({**errors["all"], "slices": {k: v for k, v in errors.items() if k != "all"}}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{bundle} on {data}")
    table.add_column("slice", overflow="fold")
    columns = list(errors["all"])
    for column in columns:
        title = column.replace("_per_", "/").replace("_", " ")  # which breaks at words
        table.add_column(title, justify="right", overflow="fold")  # on a narrow terminal, too, all of it is there
    for name, values in errors.items():
        table.add_row(name, *(_text(column, values.get(column)) for column in columns))
    Console().print(table)


def _text(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    if metric == "n_structures":
        return f"{value:.0f}"
    return f"{value:+.2f}" if metric == "pressure_bias_GPa" else f"{value:.2f}" if "GPa" in metric else f"{value:.1f}"
