"""The command ``graft export``."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    bundle: Annotated[Path, typer.Option("--bundle", help="A model bundle, such as a committee's member-0.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.model", help="Where to write the model; a new file.")],
) -> None:
    """Write a stock .model file for MACECalculator, LAMMPS, torch-sim and other tools that read MACE models.

    Units are eV and Å. The file is a Python pickle: whoever loads it runs what is in it.
    """
    from al_core.errors import BundleError, ConfigError
    from al_core.models.card import CARD, read_card
    from al_core.models.committee import committee_folders
    from flows.preflight import check_file_writable

    if not (bundle / CARD).exists() and any(bundle.glob("member-*")):
        members = committee_folders(bundle)
        raise BundleError(
            f"{bundle}: no model bundle but a committee of {len(members)}, and a .model file has one model; "
            f"name a member: --bundle {members[0]}"
        )
    read_card(bundle)
    check_file_writable(out)
    if out.exists():
        raise ConfigError(f"--out {out}: is there already; remove it, or give another name")
    from al_core.models.bundle import load_bundle
    from al_core.models.engine.mace import export as write_model

    write_model(load_bundle(bundle), out)
    print(out)
