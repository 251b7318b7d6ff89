"""The command ``graft grow``."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Out, Set, Site, Verbose
from flows.cli.preparing import changes, check_free, prepare_prefect

if TYPE_CHECKING:
    from al_core.config.growth import GrowthConfig


def grow(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The growth's config.")],
    out: Out = None,
    set_: Set = None,
    site: Site = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what it would cost. Nothing is computed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --plan: print one JSON object.")] = False,
    verbose: Verbose = False,
) -> None:
    """Grow a potential for a purpose, label by label, or go on with it. Nothing finished is computed again."""
    if as_json and not plan:
        raise typer.BadParameter("goes with --plan", param_hint="--json")
    from al_core.config.growth import GrowthConfig
    from al_core.config.reading import load_config
    from al_core.config.target import title_of

    overrides = changes(set_, site)
    settings = load_config(GrowthConfig, config, overrides)
    from flows.growth_preflight import preflight_growth

    folder = (out or Path("runs") / settings.name).resolve()
    preflight_growth(settings, folder)
    if plan:
        _print_plan(settings, folder, as_json)
        return
    check_free(folder)
    prepare_prefect(verbose)
    from flows import active_learning

    begin = time.monotonic()
    report = active_learning(str(config), str(folder), list(overrides))
    from al_core.studies.growth_index import load_growth

    found = load_growth(folder)
    last = found.rounds[-1]
    print(f"{found.name}: {last.labels} labels, {time.monotonic() - begin:.0f} s; {last.reason}")
    print(f"model: {folder / 'model'}, {folder / title_of(settings.target)}.model")
    print(f"report: {report}")


def _print_plan(settings: "GrowthConfig", folder: Path, as_json: bool) -> None:
    from flows.planning import plan_growth, plan_source

    planned, done, costs = plan_growth(settings, folder)
    source = plan_source(settings.source, folder)
    if as_json:
        first = asdict(source) if source else None
        print(json.dumps({**asdict(planned), "labels_in_store": done, "source_first": first}))
        return
    from rich.console import Console
    from rich.table import Table

    fitted = f"fitted to {costs.labels} finished labels, off by {costs.error:.0%} rms"
    purpose, walk, batch = settings.purpose, settings.exploration, min(settings.batch, settings.labels)
    table = Table(title=f"Growth {settings.name}", show_header=False)
    for name, value in (
        ("purpose", f"{', '.join(purpose.phases)} at {', '.join(f'{one:g} K' for one in purpose.temperatures_K)}"),
        ("wanted", f"force error of {purpose.force_error_meV_per_A:g} meV/Å, {purpose.picoseconds:g} ps stable"),
        ("rounds", f"up to {planned.rounds}, of {batch} labels, {min(settings.drawn, batch)} of them drawn at random"),
        ("labels", f"up to {settings.labels}, {done} in the store already"),
        (
            "labelling",
            f"some {planned.label_core_hours:.2f} core-hours for all of them "
            f"({fitted if costs.labels else 'rough estimate'})",
        ),
        ("training", f"up to {planned.training_core_hours:.2f} core-hours, cross-validation included (estimate)"),
        (
            "exploring",
            f"up to {planned.walking_core_hours:.2f} core-hours, {walk.walkers} walkers of {walk.picoseconds:g} ps a "
            "round (estimate)",
        ),
        (
            "simulation",
            f"{planned.simulation_core_hours:.2f} core-hours, {planned.simulated_atoms} atoms at the end (estimate)",
        ),
        ("source first", str(source or "")),
        ("results go to", str(folder)),
    ):
        if value:
            table.add_row(name, value)
    Console().print(table)
