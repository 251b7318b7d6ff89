"""The commands ``graft study ...`` and ``graft demo``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import AsJson, ConfigFile, Open, Out, Set, Site, Verbose
from flows.cli.preparing import changes, checked_study, run_study, show

if TYPE_CHECKING:
    from al_core.config.study import StudyConfig

_MOST = 20  # seeds that are listed one by one


def study_run(
    config: ConfigFile, out: Out = None, set_: Set = None, site: Site = None, verbose: Verbose = False
) -> None:
    """Run a study, or go on with it. Nothing finished is computed again."""
    run_study(config, out, changes(set_, site), verbose)


def study_plan(config: ConfigFile, out: Out = None, set_: Set = None, as_json: AsJson = False) -> None:
    """Print cells, labels and estimated core-hours. Nothing is computed."""
    settings, folder = checked_study(config, out, tuple(set_ or ()))
    from flows.planning import plan_source, plan_study

    planned, done, costs = plan_study(settings, folder)
    source = plan_source(settings.source, folder)
    if as_json:
        first = asdict(source) if source else None
        print(json.dumps({**asdict(planned), "labels_in_store": done, "source_first": first}))
        return
    from rich.console import Console
    from rich.table import Table

    fitted = f"fitted to {costs.labels} finished labels, off by {costs.error:.0%} rms"
    basis = fitted if costs.labels else "rough estimate"
    properties = [one.kind for one in settings.evaluations if one.kind != "errors"]
    table = Table(title=f"Study {settings.name}", show_header=False)
    for name, value in (
        ("arms", ", ".join(arm.title for arm in settings.arms)),
        ("acquisitions", ", ".join(part.title for part in settings.acquisitions)),
        ("budgets", ", ".join(str(budget) for budget in settings.budgets)),
        ("seeds", _listed(settings.seeds)),
        ("cells", f"{planned.cells} (from {planned.committees} committees of {settings.committee})"),
        ("labels", f"{planned.labels_least} to {planned.labels_most}, {done} in the store already"),
        ("test labels", str(planned.test_labels)),
        ("labelling", f"some {planned.label_core_hours:.2f} core-hours for all of them ({basis})"),
        ("training", f"{planned.training_core_hours:.2f} core-hours (estimate)"),
        ("properties", f"{', '.join(properties)} (of {planned.committees_with_properties} committees)"),
        ("measuring them", f"{planned.properties_core_hours:.2f} core-hours (estimate; without the reference's)"),
        ("reference", _reference(settings)),
        ("source first", str(source or "")),
        ("results go to", str(folder)),
    ):
        if value and (properties or name not in ("properties", "measuring them", "reference")):
            table.add_row(name, value)
    Console().print(table)


def study_transferability(
    config: ConfigFile,
    out: Out = None,
    set_: Set = None,
    as_json: AsJson = False,
) -> None:
    """Estimate, before any label, whether transfer will help.

    From the source's models and the pool's structures: of each arm the force error over that of scratch, with a few
    labels. A source that the study pretrains must have been trained by a run of it, which says the same itself.
    """
    settings, folder = checked_study(config, out, tuple(set_ or ()))
    from flows.expectations import expected

    found = expected(settings, folder)
    if as_json:
        print(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Force error over scratch's, with a few labels")
    for column in ("arm", "", "ratio", "90 %", "bonds", "disagreement"):
        table.add_column(column)
    for title, one in found.items():
        within = f"{one['low']:.2f} to {one['high']:.2f}"
        table.add_row(title, one["verdict"], f"{one['error_ratio']:.2f}", within, *_known(one))
    Console().print(table)
    print("bonds: the target's over the source's; disagreement: of the starting models, over the forces they know")


def _known(estimate: Mapping[str, float]) -> tuple[str, str]:
    return f"{estimate['length_ratio']:.3f}", f"{estimate['disagreement']:.3f}"


def _listed(seeds: Sequence[int]) -> str:
    """Return seeds as they are, or how many there are and their range."""
    return ", ".join(map(str, seeds)) if len(seeds) <= _MOST else f"{len(seeds)}, {min(seeds)} to {max(seeds)}"


def _reference(settings: "StudyConfig") -> str:
    """Return what properties are measured against, in words."""
    reference = settings.reference
    if reference.kind == "bundled":
        return f"{reference.name} (shipped)"
    if reference.kind == "file":
        return str(reference.path)
    if reference.kind == "computed":
        return f"computed by {settings.labeler.kind}, its labels not among those above"
    return "none"


def study_status(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Print it again every five seconds while the study runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a study has finished and spent, and which labels failed why."""
    from flows.status import print_status, status_of, watch_status

    if as_json:
        print(json.dumps(status_of(out)))
        return
    (watch_status if watch else print_status)(out)


def study_report(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")], open_: Open = False
) -> None:
    """Write the report again from the stores and results."""
    from al_core.report.render import write_report

    show(write_report(out), open_)


def demo(out: Out = None, set_: Set = None, verbose: Verbose = False) -> None:
    """Run the smoke study: offline, with Stillinger-Weber instead of DFT, a minute or so."""
    from flows.planning import shipped_config

    run_study(shipped_config("smoke"), out or Path("graft-demo"), tuple(set_ or ()), verbose)
