"""Checks of a study before it computes anything. Nothing heavy is imported."""

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from al_core.config.acquisition import AnyAcquisition
from al_core.config.labelers import AnyLabeler
from al_core.config.site import AnySite
from al_core.config.sources import PretrainConfig, SourcePart
from al_core.config.structures import (
    BundledStructures,
    FileStructures,
    MDStructures,
    PoolStructures,
    RattledStructures,
    SampledStructures,
)
from al_core.config.study import StudyConfig
from al_core.config.target import Target, elements_of, sources_of, title_of
from al_core.errors import BundleError, ConfigError, under
from al_core.labels.store import LabelStore
from al_core.models.card import read_card
from al_core.models.committee import committee_folders
from al_core.structures.checks import fault
from al_core.structures.datasets import bundled, slice_of, unread_stress
from al_core.structures.elements import CRYSTALS
from al_core.structures.making import crystals_of
from al_core.studies.data import check_apart, check_pool_size, file_or_bundled, given_structures, hold_out, unique
from calculators.base import make_labeler
from calculators.classical.neutral import NEUTRAL
from calculators.preflight import check_labels_possible, check_same_theory, check_sampled_labels_possible, report
from flows.arm_sources import arm_sources, check_architectures
from flows.references import check_reference
from flows.sources import check_unseen, given_folder
from flows.zero_shot_preflight import check_zero_shot

_FREE_MB = 200


def preflight(config: StudyConfig, out: Path) -> None:
    """Check data, source, labeler and folder of a study.

    Raises:
        ConfigError, BundleError, StoreError: what is wrong, with its key and what to do.
    """
    elements = elements_of(config.target)
    check_source(config.source, config.committee, config.target)
    for source in arm_sources(config):
        check_source(source, config.committee, config.target)
    with under("labeler"):
        make_labeler(config.labeler)
    check_architectures(config)
    _check_costs(config)
    check_oracle(config.acquisitions, config.labeler)
    pool = check_structures("pool", config.pool, elements)
    own = {f"the source of {arm.title}": arm.own_source for arm in config.arms if arm.own_source is not None}
    sources: dict[str, SourcePart] = {"source": config.source, **own}
    if config.test.kind == "holdout":
        if pool is None:
            raise ConfigError(
                f"test.kind: holdout takes structures from a pool of kind file or bundled, not {config.pool.kind}"
            )
        pool, test = hold_out(pool, config.test.size, config.test.seed)
        check_apart(pool, test)
        check_unseen(test, sources, elements)
        check_labels_possible([*pool, *test], config.labeler, "the pool")
    elif isinstance(config.test, SampledStructures):
        check_structures("test", config.test, elements)
        check_sampled_labels_possible(config.test, elements, config.labeler, "test")
    else:
        test = labelled_of("test", config.test)
        check_elements("test", test, elements)
        if pool is not None:
            check_apart(pool, test)
        check_unseen(test, sources, elements)
    if isinstance(config.pool, SampledStructures):
        check_sampled_labels_possible(config.pool, elements, config.labeler, "pool")
    else:
        check_labels_possible(pool or [], config.labeler, "the pool")
    if config.test.kind == "bundled":
        theory = bundled(config.test.name).sheet["labeler"]
        check_same_theory(f"test: {config.test.name}", theory, config.labeler, "test.kind=md")
    check_zero_shot(config)
    check_reference(config)
    check_pool_size(_slices(config.pool, pool or []), config)
    check_writable(out, config.store)
    check_site(config.site, config.store)
    check_device(config.device)


def _check_costs(config: StudyConfig) -> None:
    """Refuse an acquisition that divides by the cost of labels where they cost nothing."""
    asking = [acquisition.title for acquisition in config.acquisitions if acquisition.asks_costs]
    atoms = Atoms(title_of(config.target), cell=[3.0, 3.0, 3.0], pbc=True)
    if asking and make_labeler(config.labeler).original_core_seconds(atoms) <= 0:
        raise ConfigError(
            f"acquisitions: {asking[0]} has per_cost, and labels of kind {config.labeler.kind} are looked up and cost "
            "nothing; leave per_cost out"
        )


def check_oracle(acquisitions: Sequence[AnyAcquisition], labeler: AnyLabeler) -> None:
    """Refuse oracles where labels are computed: they would need all of them before the first is chosen."""
    asking = [acquisition.title for acquisition in acquisitions if acquisition.asks == "errors"]
    if asking and make_labeler(labeler).by_physics:
        raise ConfigError(
            f"acquisitions: {asking[0]}: the oracle needs the labels of all candidates, and labels of kind "
            f"{labeler.kind} are computed for those that are chosen; use a labeler that looks them up (dataset, "
            "bundled), or another acquisition"
        )


def preflight_pretraining(config: PretrainConfig, out: Path) -> None:
    """Check data, labeler and folder of a pretraining.

    Raises:
        ConfigError, StoreError: what is wrong, with its key and what to do.
    """
    _check_pretraining(config, "")
    if config.labeler is not None:
        check_site(config.site, config.store)
    check_writable(out)
    check_device(config.device)


def check_writable(out: Path, store: str | None = None) -> None:
    """Check the folder results go to, and the label store: a server's URL, or what is in the folder.

    Raises:
        ConfigError: results cannot be kept there.
        StoreError: the label store cannot be used.
    """
    existing = out
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise ConfigError(f"--out {out}: {existing} is a file, not a folder")
    probe = existing / f".graft-{uuid.uuid4().hex[:8]}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"--out {out}: cannot write in {existing} ({error.strerror}); choose another --out"
        ) from error
    free = shutil.disk_usage(existing).free / 1e6
    if free < _FREE_MB:
        raise ConfigError(f"--out {out}: the disk is full: {free:.0f} MB are free, {_FREE_MB} MB are needed")
    if store:
        LabelStore(store)
    elif (out / "labels.db").exists():
        LabelStore(out / "labels.db")


def check_site(site: AnySite, store: str | None) -> None:
    """Refuse labels in an SQLite file where other machines write them: its locks do not hold over a network."""
    if store is None and site.elsewhere:
        raise ConfigError(
            f"store: with a site of kind {site.kind} workers of other machines write labels, which an SQLite file does "
            "not bear; name a data base on a PostgreSQL server: store=postgresql://user@host/name"
        )


def check_file_writable(out: Path) -> None:
    """Raise :class:`~al_core.errors.ConfigError` if a file that a command is to write cannot be."""
    if out.is_dir():
        raise ConfigError(f"--out {out}: is a folder, expected the name of a file")
    check_writable(out.resolve().parent)


def check_source(source: SourcePart, committee: int, target: Target) -> None:
    """Refuse a source that is not there, that the target does not start from, or with too few models."""
    if source.kind == "pretrain":
        _check_pretraining(source, "source.")
        _check_target(target, source.element)
        return
    with under("source"):
        folder = given_folder(source)
        folders = committee_folders(folder)
    elements = {tuple(read_card(one)["elements"]) for one in folders}
    if len(elements) > 1:
        several = ", ".join("".join(symbols) for symbols in sorted(elements))
        raise BundleError(f"{folder}: its models are of different elements ({several})")
    _check_target(target, *elements)
    if committee > len(folders):
        raise ConfigError(
            f"committee: {committee} members need as many source models; in {folder} there are {len(folders)}"
        )


def _check_target(target: Target, of_source: Sequence[str]) -> None:
    try:
        sources_of(target, of_source)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _check_pretraining(config: PretrainConfig, prefix: str) -> None:
    if config.store:
        LabelStore(config.store)
    if isinstance(config.structures, SampledStructures):
        check_structures(f"{prefix}structures", config.structures, config.element)
        if config.labeler is not None:
            key = f"{prefix}structures"
            check_sampled_labels_possible(config.structures, config.element, config.labeler, key)
        return
    structures = labelled_of(f"{prefix}structures", config.structures)
    check_elements(f"{prefix}structures", structures, config.element)
    if len(structures) < 2:
        raise ConfigError(f"{prefix}structures: one structure is too few to train on and to hold one out")


def check_structures(
    key: str, settings: SampledStructures | FileStructures | BundledStructures, elements: Sequence[str]
) -> list[Atoms] | None:
    """Return the structures of a file or data set; None for ones that are sampled later."""
    if isinstance(settings, MDStructures):
        formula = "".join(elements)
        if formula not in NEUTRAL:
            raise ConfigError(
                f"{key}: the neutral sampler knows {', '.join(NEUTRAL)}, not {formula}; use {key}.kind=file or rattled"
            )
        _check_atoms_are_left(key, settings, formula)
        return None
    if isinstance(settings, RattledStructures):
        _check_crystals(key, settings, elements)
        return None
    with under(key):
        frames = given_structures(settings)
    check_elements(key, frames, elements)
    return unique(frames)


def labelled_of(key: str, settings: FileStructures | BundledStructures) -> list[Atoms]:
    """Return the structures of a file or data set that comes with labels; a note tells of unread stresses."""
    with under(key):
        structures = [atoms for atoms, _ in file_or_bundled(settings)]
    if settings.kind == "file" and (note := unread_stress(settings, structures)):
        report(f"note: {key}: {note}")
    return structures


def _check_atoms_are_left(key: str, settings: MDStructures, element: str) -> None:
    for part in settings.slices:
        atoms, size = CRYSTALS[element].atoms_per_cell * part.repeat**3, f"repeat={part.repeat}"
        if part.cells:
            atoms, size = CRYSTALS[element].atoms_per_primitive_cell * part.cells, f"cells={part.cells}"
        if part.vacancies and part.vacancies > atoms - 2:
            raise ConfigError(
                f"{key}: slice {part.name}: vacancies must leave 2 of the {atoms} atoms of {element} "
                f"({size}), got {part.vacancies}"
            )


def _check_crystals(key: str, settings: RattledStructures, elements: Sequence[str]) -> None:
    """Refuse a crystal that cannot be made, and slices of which too few atoms would be left."""
    try:
        crystals = crystals_of(settings, elements)
    except ConfigError as error:
        raise ConfigError(f"{key}.crystal: {error}") from error
    parts = [part for part in settings.slices for _ in range(part.count)]
    for part, crystal in zip(parts, crystals, strict=True):
        if part.vacancies and len(crystal) < 2:
            raise ConfigError(f"{key}: slice {part.name}: vacancies must leave 2 atoms, got {part.vacancies}")
        if found := fault(crystal):
            raise ConfigError(f"{key}.crystal: {crystal.symbols} {found}")


def check_elements(key: str, structures: Sequence[Atoms], elements: Sequence[str]) -> None:
    """Refuse structures of other elements."""
    for number, atoms in enumerate(structures):
        if others := sorted(set(atoms.get_chemical_symbols()) - set(elements)):
            compound = f"; a target of several elements names all of them: {{map: {{..., {others[0]}: {others[0]}}}}}"
            hint = compound if set(atoms.get_chemical_symbols()) & set(elements) else ""
            raise ConfigError(
                f"{key}: structure {number} is {atoms.symbols}, expected {', '.join(elements)} only{hint}"
            )


def check_device(device: str) -> None:
    """Refuse a graphics card that is not there."""
    if not device.startswith("cuda"):
        return
    import torch  # slow, but nobody else can tell

    number = int(device.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise ConfigError(f"device: {device} is not there ({torch.cuda.device_count()} found); use auto or cpu")


def _slices(settings: PoolStructures, given: Sequence[Atoms]) -> list[str]:
    """Return the slice of each structure of a pool, those that will be sampled or those that are given."""
    if isinstance(settings, SampledStructures):
        return [part.name for part in settings.slices for _ in range(part.count)]
    return [slice_of(atoms) for atoms in given]
