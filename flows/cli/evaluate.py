"""The command ``graft eval``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson

_TITLES = {
    "force_mae_meV_per_A": "force\nMAE\nmeV/Å",
    "force_rmse_meV_per_A": "force\nRMSE\nmeV/Å",
    "energy_mae_meV_per_atom": "energy\nMAE\nmeV/\natom",
    "energy_rmse_meV_per_atom": "energy\nRMSE\nmeV/\natom",
    "force_deviation_meV_per_A": "force\ndevi-\nation\nmeV/Å",
    "stress_mae_GPa": "stress\nMAE\nGPa",
    "pressure_bias_GPa": "pres-\nsure\nbias\nGPa",
    "n_structures": "n",
    "expected_force_mae_meV_per_A": "ex-\npect-\ned\nmeV/Å",
    "force_zms": "ZMS",
    "force_coverage_of_90_percent": "%\nin\n90 %",
}


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

    table = Table(title=f"{bundle} on {data}", box=None, pad_edge=False, padding=(0, 1, 0, 0))  # 80 columns are enough
    table.add_column("slice", overflow="fold")
    columns = list(errors["all"])
    for column in columns:
        table.add_column(_TITLES[column], justify="right", overflow="fold")
    for name, values in errors.items():
        table.add_row(name, *(_text(column, values.get(column)) for column in columns))
    Console().print(table)


def _text(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    if metric == "n_structures":
        return f"{value:.0f}"
    return f"{value:+.2f}" if metric == "pressure_bias_GPa" else f"{value:.2f}" if "GPa" in metric else f"{value:.1f}"
