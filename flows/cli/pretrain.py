"""The command ``graft pretrain``."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Out, Set, Site, Verbose
from flows.cli.preparing import changes, check_free, note_if_slow, prepare_prefect


def pretrain(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The pretraining config.")],
    out: Out = None,
    set_: Set = None,
    site: Site = None,
    verbose: Verbose = False,
) -> None:
    """Train a committee of source models."""
    from al_core.config.reading import load_config
    from al_core.config.sources import PretrainConfig

    overrides = changes(set_, site)
    settings = load_config(PretrainConfig, config, overrides)
    from flows.preflight import preflight_pretraining

    folder = (out or Path("runs") / settings.name).resolve()
    preflight_pretraining(settings, folder)
    note_if_slow(settings.model)
    check_free(folder)
    prepare_prefect(verbose)
    from flows import pretrain as flow

    begin = time.monotonic()
    flow(str(config), str(folder), list(overrides))
    card = json.loads((folder / "committee.json").read_text())
    error = card["errors"]["all"]["force_mae_meV_per_A"]
    print(
        f"{card['members']} models of {''.join(card['elements'])}, force MAE {error:.0f} meV/Å on {card['held_out']} "
        f"held out structures, {time.monotonic() - begin:.0f} s: {folder}"
    )
