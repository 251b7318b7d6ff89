"""The command ``graft export``."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    bundle: Annotated[Path, typer.Option("--bundle", help="A model bundle.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.model", help="Where to write the model.")],
) -> None:
    """Write a stock .model file for MACECalculator, LAMMPS and other tools that read MACE models."""
    from al_core.models.card import read_card
    from flows.preflight import check_file_writable

    read_card(bundle)
    check_file_writable(out)
    from al_core.models.bundle import load_bundle
    from al_core.models.engine.mace import export as write_model

    write_model(load_bundle(bundle), out)
    print(out)
