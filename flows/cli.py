"""The command ``graft``. Heavy imports come after the arguments are found good: help and refusals are instant."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

app = typer.Typer(
    help="Grow a machine-learned interatomic potential for an element with almost no data, from that of a similar one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
study_app = typer.Typer(
    help="Data-budget studies: every arm, acquisition and seed at every label budget.", no_args_is_help=True
)
app.add_typer(study_app, name="study")
labels_app = typer.Typer(help="What is in a label store, and taking it out.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The study's config.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for stores, results and report.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change a value of the config; repeatable. Values are YAML."),
]
SchemaOf = Literal["study", "pretrain", "convergence"]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show Prefect's log.")]


@study_app.command("run")
def study_run(config: ConfigFile, out: Out = None, set_: Set = None, verbose: Verbose = False) -> None:
    """Run a study, or go on with it. Nothing finished is computed again."""
    _run_study(config, out, tuple(set_ or ()), verbose)


@study_app.command("plan")
def study_plan(config: ConfigFile, out: Out = None, set_: Set = None) -> None:
    """Print cells, labels and estimated core-hours. Nothing is computed."""
    settings, folder = _checked_study(config, out, tuple(set_ or ()))
    from rich.console import Console
    from rich.table import Table

    from flows.planning import plan_study

    planned, done, costs = plan_study(settings, folder)
    fitted = f"fitted to {costs.labels} finished labels, off by {costs.error:.0%} rms"
    basis = fitted if costs.labels else "rough estimate"
    table = Table(title=f"Study {settings.name}", show_header=False)
    for name, value in (
        ("arms", ", ".join(arm.title for arm in settings.arms)),
        ("acquisitions", ", ".join(part.title for part in settings.acquisitions)),
        ("budgets", ", ".join(str(budget) for budget in settings.budgets)),
        ("seeds", ", ".join(str(seed) for seed in settings.seeds)),
        ("cells", f"{planned.cells} (from {planned.committees} committees of {settings.committee})"),
        ("labels", f"{planned.labels_least} to {planned.labels_most}, {done} in the store already"),
        ("test labels", str(planned.test_labels)),
        ("labelling", f"up to {planned.label_core_hours:.2f} core-hours ({basis})"),
        ("training", f"{planned.training_core_hours:.2f} core-hours (estimate)"),
        ("results go to", str(folder)),
    ):
        table.add_row(name, value)
    Console().print(table)


@study_app.command("status")
def study_status(out: Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")]) -> None:
    """Print what a study has finished and spent, and which labels failed why."""
    from flows.status import print_status

    print_status(out)


@study_app.command("report")
def study_report(out: Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")]) -> None:
    """Write the report again from the stores and results."""
    from al_core.report.render import write_report

    print(write_report(out))


@app.command()
def demo(out: Out = None, set_: Set = None, verbose: Verbose = False) -> None:
    """Run the smoke study: offline, Stillinger-Weber in the place of DFT, a minute or so."""
    from flows.planning import shipped_config

    _run_study(shipped_config("smoke"), out or Path("graft-demo"), tuple(set_ or ()), verbose)


@app.command()
def pretrain(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The pretraining config.")],
    out: Out = None,
    set_: Set = None,
    verbose: Verbose = False,
) -> None:
    """Train a committee of source models."""
    from al_core.config.reading import load_config
    from al_core.config.sources import PretrainConfig

    overrides = tuple(set_ or ())
    settings = load_config(PretrainConfig, config, overrides)
    from flows.preflight import preflight_pretraining

    folder = (out or Path("runs") / settings.name).resolve()
    preflight_pretraining(settings, folder)
    _say_if_slow(settings.model)
    _prepare_prefect(verbose)
    from flows import pretrain as flow

    begin = time.monotonic()
    flow(str(config), str(folder), list(overrides))
    card = json.loads((folder / "committee.json").read_text())
    error = card["errors"]["all"]["force_mae_meV_per_A"]
    print(
        f"{card['members']} models of {card['element']}, force MAE {error:.0f} meV/Å on {card['held_out']} held out "
        f"structures, {time.monotonic() - begin:.0f} s: {folder}"
    )


@app.command()
def label(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Structures in any format ASE reads, to be labelled.")
    ] = None,
    labeler: Annotated[str, typer.Option(help="gpaw, stillinger_weber, emt, dataset or imported.")] = "gpaw",
    out: Out = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the labeler, such as cutoff_eV=400; repeatable."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Keep the labels on a PostgreSQL server: postgresql://user@host/name"),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="How many labels at once; 0 is one a core.")] = 0,
    import_: Annotated[
        Path | None,
        typer.Option("--import", metavar="LABELLED", help="Instead: put labels computed elsewhere into the store."),
    ] = None,
    theory: Annotated[str, typer.Option(help="With --import: the name of their level of theory.")] = "",
    energy_key: str = "REF_energy",
    forces_key: str = "REF_forces",
    stress_key: Annotated[str, typer.Option(help="Name of the stress, positive under tension.")] = "REF_stress",
    stress_unit: Annotated[str, typer.Option(help="Unit of the stress: eV/A^3, GPa or kbar.")] = "eV/A^3",
    virial_key: Annotated[
        str | None, typer.Option(help="Name of the virial, eV, which is -stress x volume; read instead of a stress.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Label every structure of a file; each label is paid for once. Or import labels that others paid for."""
    from al_core.errors import ConfigError

    if (file is None) == (import_ is None):
        raise ConfigError("expected either a FILE of structures to label, or labels to --import")
    if import_ is not None:
        keys = {"energy_key": energy_key, "forces_key": forces_key, "stress_key": None if virial_key else stress_key}
        _import_labels(import_, out, store, theory, keys | {"stress_unit": stress_unit, "virial_key": virial_key})
        return
    assert file is not None
    from al_core.config.reading import apply_overrides
    from al_core.structures.datasets import read_structures
    from calculators.preflight import check_labels_possible
    from flows.planning import checked_labeler, checked_store
    from flows.preflight import check_writable

    settings: dict[str, Any] = {"kind": labeler}
    apply_overrides(settings, tuple(set_ or ()))
    parsed = checked_labeler(settings)
    check_labels_possible(read_structures(file), parsed, str(file))
    folder = (out or Path("runs") / f"labels-{file.stem}").resolve()
    check_writable(folder, checked_store(store))
    _prepare_prefect(verbose)
    from flows import label_structures

    begin = time.monotonic()
    path = label_structures(str(file), settings, str(folder), workers, store)
    print(f"labelled structures after {time.monotonic() - begin:.0f} s: {path}")


def _import_labels(file: Path, out: Path | None, store: str | None, theory: str, keys: dict[str, Any]) -> None:
    from al_core.labels.exchange import import_labels
    from al_core.labels.store import LabelStore
    from al_core.structures.datasets import checked_labels
    from al_core.studies.workspace import Workspace
    from calculators.base import make_labeler
    from flows.planning import checked_labeler, checked_store, label_keys
    from flows.preflight import check_writable

    labeler = make_labeler(checked_labeler({"kind": "imported", "theory": theory}))
    place = Workspace((out or Path("runs") / f"labels-{file.stem}").resolve())
    check_writable(place.out, checked_store(store))
    labelled = checked_labels(file, label_keys(file, keys))
    into = LabelStore(store or place.store)
    new, known = import_labels(into, labelled, file, labeler)
    print(f"{new} labels imported, {known} were there: {into}")


LabelsPlace = Annotated[str, typer.Argument(metavar="STORE", help="A folder with labels.db, such a file, or a URL.")]


@labels_app.command("list")
def labels_list(where: LabelsPlace) -> None:
    """Print the levels of theory that a store has labels of."""
    from rich.console import Console
    from rich.table import Table

    from al_core.labels.exchange import levels
    from flows.planning import existing_store

    store = existing_store(where)
    table = Table(title=str(store))
    for column in ("level", "labeler", "settings", "labels", "core-hours"):
        table.add_column(column, overflow="fold")
    for level in levels(store):
        hours = f"{level.core_seconds / 3600:.2f}"
        table.add_row(level.id, level.labeler, level.settings, str(level.labels), hours)
    Console().print(table)


@labels_app.command("export")
def labels_export(
    where: LabelsPlace,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.extxyz", help="Where to write them.")],
    level: Annotated[str | None, typer.Option(help="The level of theory, of graft labels list.")] = None,
    mix_levels: Annotated[bool, typer.Option("--mix-levels", help="Write all levels into one file.")] = False,
) -> None:
    """Write finished labels as extxyz that MACE reads: REF_energy, REF_forces, REF_stress; eV and Å."""
    from al_core.labels.exchange import export_labels
    from flows.planning import existing_store
    from flows.preflight import check_file_writable

    check_file_writable(out)
    number = export_labels(existing_store(where), out, level, mix_levels=mix_levels)
    print(f"{number} labels: {out}")


@labels_app.command("release")
def labels_release(
    where: LabelsPlace,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="Of one label; all running ones if left out.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """List the labels that are being computed, by whom and since when, and free them after asking."""
    from al_core.errors import ConfigError
    from flows.planning import existing_store

    store = existing_store(where)
    found = [(entry, held) for entry, held in store.reservations() if key in (None, entry.key)]
    if not found:
        if key:
            raise ConfigError(f"label {key} is not being computed in {store}; graft labels release {where} lists all")
        print(f"no label is being computed in {store}")
        return
    for entry, held in found:
        state = "computing" if held else "its process is over: whoever asks for it takes it over"
        print(f"{entry.key}  {entry.owner}; {state}")
    if not yes:
        typer.confirm(f"Free {len(found)} labels? A process that still computes one loses its result.", abort=True)
    for entry, _ in found:
        store.release(entry.key)
    print(f"{len(found)} labels are free: whoever asks for one computes it")


@app.command()
def convergence(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The convergence study's config.")],
    out: Out = None,
    set_: Set = None,
    verbose: Verbose = False,
) -> None:
    """Compare DFT settings with tight ones: errors of forces, energy differences and stress, and cost."""
    from al_core.config.convergence import ConvergenceConfig
    from al_core.config.reading import load_config

    overrides = tuple(set_ or ())
    settings = load_config(ConvergenceConfig, config, overrides)
    from flows.preflight import preflight_convergence

    folder = (out or Path("runs") / settings.name).resolve()
    preflight_convergence(settings, folder)
    _prepare_prefect(verbose)
    from flows import convergence as flow

    page = flow(str(config), str(folder), list(overrides))
    print((folder / "convergence.md").read_text(), end="")
    print(f"figures: {page}")


@app.command("eval")
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


@app.command()
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


@app.command()
def schema(config: Annotated[SchemaOf, typer.Argument(help="The file that the schema describes.")]) -> None:
    """Print the JSON schema of a config, for editors and other tools that check YAML files."""
    from al_core.config.schema import CONFIGS, json_schema

    print(json.dumps(json_schema(CONFIGS[config]), indent=2, ensure_ascii=False))


@app.command()
def doctor() -> None:
    """Check compiler, GPAW, threads, data sets, Prefect and versions, and say how to mend what is wrong."""
    from flows import set_prefect_defaults
    from flows.doctor import print_checks, run_checks

    set_prefect_defaults()  # what `graft` runs with is what is checked
    checks = run_checks()
    print_checks(checks)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def _checked_study(config: Path, out: Path | None, overrides: tuple[str, ...]) -> tuple[Any, Path]:
    from al_core.config.reading import load_config
    from al_core.config.study import StudyConfig

    settings = load_config(StudyConfig, config, overrides)
    from flows.preflight import preflight

    folder = (out or Path("runs") / settings.name).resolve()
    preflight(settings, folder)
    from flows.planning import source_architecture

    _say_if_slow(source_architecture(settings))
    return settings, folder


def _say_if_slow(architecture: Any) -> None:
    if not architecture.regrouped:
        print(
            f"note: max_L={architecture.max_L}, correlation={architecture.correlation}: computed by mace-torch's own "
            "modules, several times slower than max_L up to 1 and correlation up to 3",
            file=sys.stderr,
        )


def _run_study(config: Path, out: Path | None, overrides: tuple[str, ...], verbose: bool) -> None:
    begin = time.monotonic()
    _, folder = _checked_study(config, out, overrides)
    from al_core.studies.workspace import Workspace

    with Workspace(folder).alone():  # refuse before Prefect starts, which takes seconds
        pass
    _prepare_prefect(verbose)
    from flows import data_budget_study

    report = data_budget_study(str(config), str(folder), list(overrides))
    from flows.status import one_line

    print(one_line(folder, time.monotonic() - begin))
    print(f"report: {report}")


def _prepare_prefect(verbose: bool) -> None:
    """Leave the terminal to the progress bars unless the log is asked for, and stop when told to."""
    level = "INFO" if verbose else "CRITICAL"
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", level)
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", level)  # the temporary server logs how it was stopped
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")  # it says what a stop left open
    from flows import set_prefect_defaults

    set_prefect_defaults()
    from flows.runtime.progress import Counters

    Counters.stop_at_once = True


def main() -> None:
    """Run the command line; a user's mistake is told in one message, with exit code 2."""
    from al_core.errors import BundleError, ConfigError, GraftError, StoreError

    try:
        app()
    except (ConfigError, BundleError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except GraftError as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
