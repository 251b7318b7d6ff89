"""The commands ``graft labels ...``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson

StoreArgument = Annotated[str, typer.Argument(metavar="STORE", help="A folder with labels.db, such a file, or a URL.")]


def labels_list(where: StoreArgument, as_json: AsJson = False) -> None:
    """Print the levels of theory that a store has labels of."""
    from al_core.labels.exchange import levels
    from flows.planning import existing_store

    store = existing_store(where)
    found = levels(store)
    if as_json:
        print(json.dumps({"store": str(store), "levels": [asdict(level) for level in found]}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=str(store))
    table.add_column("level", no_wrap=True)  # to be copied
    for column in ("labeler", "settings", "labels", "core-hours"):
        table.add_column(column, overflow="fold")
    for level in found:
        hours = f"{level.core_seconds / 3600:.2f}"
        table.add_row(level.id, level.labeler, level.settings, str(level.labels), hours)
    Console().print(table)


def labels_export(
    where: StoreArgument,
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


def labels_release(
    where: StoreArgument,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="Of one label, a failed one too; all running ones if left out.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """List the labels that are being computed, by whom and since when, and free them after asking.

    A failed label that is named is computed again by whoever asks for it next, with a higher timeout_s for example.
    """
    from al_core.errors import ConfigError
    from flows.planning import existing_store

    store = existing_store(where)
    found = [(entry, held) for entry, held in store.reservations() if key in (None, entry.key)]
    if not found:
        entry = store.get(key) if key else None
        if entry and entry.state == "failed":
            store.release(entry.key)
            print(f"{entry.key}  failed: {entry.cause}\nit is free: whoever asks for it computes it again")
            return
        if key:
            raise ConfigError(
                f"label {key} is not being computed in {store}, and has not failed; graft labels release {where} lists "
                "all that are"
            )
        print(f"no label is being computed in {store}")
        return
    for entry, held in found:
        state = "computing" if held else "its process is over: whoever asks for it takes it over"
        print(f"{entry.key}  {entry.owner}; {state}")
    if not yes:
        typer.confirm(f"Free {len(found)} labels? A process that still computes one finishes all the same.", abort=True)
    for entry, _ in found:
        store.release(entry.key)
    print(f"{len(found)} labels are free: whoever asks for one computes it")
