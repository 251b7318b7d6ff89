"""The command ``graft convergence``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Out, Set, Site, Verbose
from flows.cli.preparing import changes, check_free, prepare_prefect


def convergence(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The convergence study's config.")],
    out: Out = None,
    set_: Set = None,
    site: Site = None,
    verbose: Verbose = False,
) -> None:
    """Compare DFT settings with tight ones: errors of forces, energy differences and stress, and cost."""
    from al_core.config.convergence import ConvergenceConfig
    from al_core.config.reading import load_config

    overrides = changes(set_, site)
    settings = load_config(ConvergenceConfig, config, overrides)
    from flows.convergence_preflight import preflight_convergence

    folder = (out or Path("runs") / settings.name).resolve()
    preflight_convergence(settings, folder)
    check_free(folder)
    prepare_prefect(verbose)
    from flows import convergence as flow

    page = flow(str(config), str(folder), list(overrides))
    print((folder / "convergence.md").read_text(), end="")
    print(f"figures: {page}")
