"""The command ``graft properties``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import AsJson, Out

if TYPE_CHECKING:
    from al_core.config.lights import Limits
    from al_core.evaluation.measured import Measured
    from al_core.evaluation.reference import Reference

_COLOURS = {"good": "green", "fair": "yellow", "bad": "red"}


def properties(
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A model bundle, or a folder of them.")] = None,
    labeler: Annotated[
        str | None, typer.Option("--labeler", help="Instead: gpaw, ase, chgnet, stillinger_weber or emt.")
    ] = None,
    element: Annotated[
        str | None, typer.Option("--element", help="Chemical symbol or formula, with --labeler.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only", help="Of lattice, elastic, phonons, defects, surfaces, stability, structure, by commas."
        ),
    ] = None,
    structure: Annotated[
        str | None,
        typer.Option(
            "--structure",
            help="diamond, fcc, bcc, sc or hcp, the element's own if not given; of a compound rocksalt or zincblende.",
        ),
    ] = None,
    guide: Annotated[
        Path | None,
        typer.Option(
            "--guide", metavar="DIR", help="A model whose way relaxations follow, with --labeler: fewer labels."
        ),
    ] = None,
    reference: Annotated[
        str,
        typer.Option(
            "--reference",
            metavar="FILE|NAME|none",
            help="What --json printed of another potential, or shipped properties, such as ge-properties-pbe.",
        ),
    ] = "none",
    lights: Annotated[
        Path | None, typer.Option("--lights", metavar="FILE", help="Which deviations are good and bad; YAML.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="defects.supercell=3, labeler.cutoff_eV=400; repeatable."),
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print lattice, elastic constants, phonons, defects and surfaces of a model, or of a labeler.

    With --only stability: the share of walkers that molecular dynamics keeps stable. With --only structure:
    coordination, pressure and diffusion by molecular dynamics. With --reference: how far off, and whether that is good,
    fair or bad.

    Of a folder of models: of their mean, with the standard deviation of the single models. A dash: it cannot be
    computed, the remark says why.
    """
    from al_core.errors import ConfigError

    if (bundle is None) == (labeler is None):
        raise ConfigError("expected either --bundle, or --labeler with --element")
    if (labeler is None) != (element is None):
        raise ConfigError("--labeler and --element go together; a bundle knows its element")
    if guide and not labeler:
        raise ConfigError("--guide shows a labeler's relaxations the way; a bundle needs none")
    if lights and reference == "none":
        raise ConfigError("--lights judges deviations from a --reference; there is none")
    from al_core.config.evaluation import PropertySettings
    from al_core.config.reading import apply_overrides, validate
    from al_core.evaluation.lights import own_lights, read_lights
    from al_core.evaluation.material import crystal_name
    from al_core.evaluation.reference import as_file, read_reference, reference_file
    from calculators.base import make_labeler
    from flows.planning import checked_formula, checked_labeler
    from flows.properties import chosen, formula_of, properties_of_labeler, properties_of_models

    given: dict[str, Any] = {"labeler": {"kind": labeler}}
    apply_overrides(given, tuple(set_ or ()))
    of_labeler = given.pop("labeler")
    if bundle and of_labeler != {"kind": None}:
        raise ConfigError("--set labeler...: a bundle is measured, there is no labeler")
    settings = chosen(only, validate(PropertySettings, given, "of the command line (--set)"))
    symbol = formula_of(bundle) if bundle else checked_formula(str(element))
    expected = None if reference == "none" else read_reference(reference_file(reference), symbol, structure)
    table = read_lights(lights) if lights else own_lights()
    identity: dict[str, Any] = {}
    cost: dict[str, float] = {}
    if bundle:
        found = properties_of_models(bundle, settings, structure)
    else:
        folder, computing = out or Path("runs") / f"properties-{labeler}-{symbol}", checked_labeler(of_labeler)
        found, cost = properties_of_labeler(computing, symbol, settings, structure, folder, guide)
        identity = make_labeler(computing).identity()
    kinds: dict[str, Any] = {one.kind: one for one in settings}
    whole = as_file(symbol, crystal_name(symbol, structure), str(bundle or labeler), identity, kinds, found, cost)
    rows = _rows(whole, found, expected, table)
    if as_json:
        print(json.dumps(whole | rows))
    else:
        _print(f"{bundle or labeler}, {symbol}", rows)


def _rows(
    whole: dict[str, Any],
    found: "dict[str, Measured]",
    expected: "Reference | None",
    table: "Mapping[str, Limits]",
) -> dict[str, dict[str, Any]]:
    """Return what a table has of each property: beside it the reference and its light, and distances of structures."""
    from al_core.evaluation.distances import distances
    from al_core.evaluation.lights import light
    from al_core.evaluation.properties import together

    known: dict[str, float] = expected.values() if expected else {}
    rows = {name: whole[name] | {"reference": known.get(name)} for name in together(found)}
    if expected and "structure" in found and "structure" in expected.measured:
        apart = distances(found["structure"].details, expected.measured["structure"].details)
        of = {"evaluation": "structure", "reference": 0.0}
        rows |= {name: one.as_dict() | of for name, one in apart.items()}
    for name, one in rows.items():
        judged = expected is not None and one["value"] is not None and one["reference"] is not None
        one["light"] = light(name, one["value"], one["reference"], table) if judged else None
    return rows


def _print(title: str, rows: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells: dict[str, list[Any]] = {column: [] for column in ("value", "spread", "reference", "off", "light", "remark")}
    for one in rows.values():
        value, reference = one["value"], one["reference"]
        cells["value"].append(_text(value, "–"))
        cells["spread"].append(_text(None if value is None else one["spread"]))
        cells["reference"].append(_text(reference))
        judged = value is not None and reference
        cells["off"].append(f"{100 * (value - reference) / abs(reference):+.1f} %" if judged else "")
        cells["light"].append(Text(one["light"] or "", _COLOURS.get(one["light"], "")))
        cells["remark"].append(one["remark"])
    shown = [column for column, values in cells.items() if any(values)]
    table = Table(title=title)
    table.add_column("property", overflow="fold")
    for column in shown:
        table.add_column(column, justify="left" if column in ("light", "remark") else "right", overflow="fold")
    for name, *row in zip(rows, *(cells[column] for column in shown), strict=True):
        table.add_row(name, *row)
    Console().print(table)


def _text(value: float | None, missing: str = "") -> str:
    return missing if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"
