"""The command ``graft label``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Out, Site, Verbose
from flows.cli.preparing import check_free, prepare_prefect

if TYPE_CHECKING:
    from al_core.labels.store import LabelStore
    from al_core.types import Labeler


def label(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Structures in any format ASE reads, to be labelled.")
    ] = None,
    labeler: Annotated[
        str, typer.Option(help="gpaw, ase, chgnet, stillinger_weber, emt, dataset, bundled or imported.")
    ] = "gpaw",
    out: Out = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the labeler, such as cutoff_eV=400; repeatable."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Keep the labels on a PostgreSQL server: postgresql://user@host/name"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="How many labels at once; 0, the default, is one a core.")
    ] = None,
    site: Site = None,
    import_: Annotated[
        Path | None,
        typer.Option("--import", metavar="LABELLED", help="Instead: put labels computed elsewhere into the store."),
    ] = None,
    theory: Annotated[str, typer.Option(help="With --import: the name of their level of theory.")] = "",
    energy_key: Annotated[str, typer.Option(help="Name of the energy, eV.")] = "REF_energy",
    forces_key: Annotated[str, typer.Option(help="Name of the forces, eV/Å.")] = "REF_forces",
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
    if import_ is None and theory:
        raise ConfigError("--theory names the level of labels to --import; what is labelled here knows its own")
    if import_ is not None and not theory:
        raise ConfigError("--import needs --theory NAME: the level of theory of the labels")
    if import_ is not None and (set_ or workers is not None or site is not None or labeler != "gpaw"):
        raise ConfigError("--import computes nothing: leave out --labeler, --set, --workers and --site")
    if import_ is not None:
        keys = {"energy_key": energy_key, "forces_key": forces_key, "stress_key": None if virial_key else stress_key}
        _import_labels(import_, out, store, theory, keys | {"stress_unit": stress_unit, "virial_key": virial_key})
        return
    if workers is not None and site is not None:
        raise ConfigError("--workers and --site exclude each other: the site says how many labels are computed at once")
    assert file is not None
    from al_core.config.reading import apply_overrides, read_yaml
    from al_core.labels.store import LabelStore
    from al_core.structures.datasets import read_structures
    from al_core.studies.workspace import Workspace
    from calculators.base import make_labeler
    from calculators.preflight import check_labels_possible
    from flows.planning import checked_labeler, checked_site, checked_store
    from flows.preflight import check_site, check_writable

    settings: dict[str, Any] = {"kind": labeler}
    apply_overrides(settings, tuple(set_ or ()))
    parsed = checked_labeler(settings)
    check_labels_possible(read_structures(file), parsed, str(file))
    where = {"kind": "local", "workers": workers or 0} if site is None else read_yaml(site, "site")
    folder = (out or Path("runs") / f"labels-{file.stem}").resolve()
    check_writable(folder, checked_store(store))
    check_site(checked_site(where), store)
    check_free(folder)
    prepare_prefect(verbose)
    from flows import label_structures

    begin = time.monotonic()
    path = label_structures(str(file), settings, str(folder), where, store)
    print(f"labelled structures after {time.monotonic() - begin:.0f} s: {path}")
    _tell_failures(file, make_labeler(parsed), LabelStore(store or Workspace(folder).store), folder)


def _tell_failures(file: Path, labeler: "Labeler", store: "LabelStore", folder: Path) -> None:
    """Say which of a file's structures have no label, and end with an error if there are any."""
    from al_core.storage.hashing import label_key, structure_id
    from al_core.structures.datasets import read_structures

    keys = {label_key(structure_id(atoms), labeler.identity()) for atoms in read_structures(file)}
    failed = [entry for entry in store.entries(keys) if entry.state == "failed"]
    if failed:
        typer.echo(
            f"failed: {len(failed)} of {len(keys)} structures have no label, the first: {failed[0].cause}; "
            f"`graft study status {folder}` has all causes",
            err=True,
        )
        raise typer.Exit(1)


def _import_labels(file: Path, out: Path | None, store: str | None, theory: str, keys: dict[str, Any]) -> None:
    from al_core.labels.exchange import import_labels
    from al_core.labels.store import LabelStore
    from al_core.storage.locks import folder_lock
    from al_core.structures.datasets import checked_labels
    from al_core.studies.workspace import Workspace
    from calculators.base import make_labeler
    from flows.planning import checked_labeler, checked_store, label_keys
    from flows.preflight import check_writable

    labeler = make_labeler(checked_labeler({"kind": "imported", "theory": theory}))
    workspace = Workspace((out or Path("runs") / f"labels-{file.stem}").resolve())
    check_writable(workspace.out, checked_store(store))
    labelled = checked_labels(file, label_keys(file, keys))
    with folder_lock(workspace.out, "an import of labels"):
        into = LabelStore(store or workspace.store)
        new, known = import_labels(into, labelled, file, labeler)
    print(f"{new} labels imported, {known} were there: {into}")
