"""The command ``graft convert``."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    models: Annotated[list[Path], typer.Argument(metavar="FILE.model ...", help="Models of mace.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the committee.")],
    elements: Annotated[
        str | None, typer.Option("--elements", help="Those to keep, by commas, such as Mg,O; all if not given.")
    ] = None,
    members: Annotated[
        int, typer.Option("--members", min=2, max=64, help="Models of the committee; of one file, perturbed copies.")
    ] = 4,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the code in the files: they are Python pickles, and can do anything.")
    ] = False,
) -> None:
    """Make a source committee of mace's .model files, a foundation model's among them.

    The committee executes no code. A study takes it as source: {kind: bundles, path: DIR}.
    """
    from al_core.errors import ConfigError
    from flows.planning import checked_elements
    from flows.preflight import check_writable

    for file in models:
        if not file.is_file():
            raise ConfigError(f"{file}: no such file")
    if not trust:
        raise ConfigError(
            f"{models[0]}: a .model file is a Python pickle, and reading it runs the code in it; if you trust where it "
            "comes from, give --trust (only this command reads it, in a process of its own)"
        )
    if len(models) > members:
        raise ConfigError(f"--members {members}: fewer than the {len(models)} files")
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"--out {out}: is there already and not empty; remove it, or give another folder")
    kept = checked_elements(elements.split(",")) if elements else ()
    check_writable(out)
    from al_core.models.sources.conversion import convert as convert_models

    for folder in convert_models(models, kept, out, members):
        print(folder)
