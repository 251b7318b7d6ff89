"""Checks of a growth before it computes anything. Nothing heavy is imported."""

from pathlib import Path

from ase import Atoms

from al_core.config.growth import GrowthConfig
from al_core.config.target import elements_of, title_of
from al_core.errors import ConfigError
from al_core.evaluation.material import Material
from al_core.exploration.starts import crystal_of, starting_points
from al_core.labels.calculator import LabelCalculator
from al_core.structures.checks import fault
from al_core.structures.datasets import bundled
from al_core.structures.elements import CRYSTALS
from al_core.studies.data import check_apart
from calculators.base import make_labeler
from calculators.preflight import check_labels_possible, check_same_theory
from flows.preflight import (
    check_device,
    check_elements,
    check_site,
    check_source,
    check_structures,
    check_writable,
    labelled_of,
)
from flows.sources import check_unseen


def preflight_growth(config: GrowthConfig, out: Path) -> None:
    """Check source, labeler, starts, test set and folder of a growth.

    Raises:
        ConfigError, BundleError, StoreError: what is wrong, with its key and what to do.
    """
    check_source(config.source, config.committee, config.target)
    labeler = make_labeler(config.labeler)
    if not labeler.by_physics or config.labeler.kind == "imported":
        raise ConfigError(
            f"labeler {config.labeler.kind} looks labels up, and has none of what walkers will come by; use one that "
            "computes"
        )
    if config.acquisition.asks == "errors":
        raise ConfigError(
            f"acquisition: {config.acquisition.title} is for studies of labels that are there; use another"
        )
    if config.acquisition.slices:
        slices = ", ".join(config.acquisition.slices)
        raise ConfigError(
            f"acquisition.slices: got {slices}, but candidates are explored and not in slices of a pool; leave it out"
        )
    _check_crystal(config)
    crystal_simulated(config)  # refuses crystals that are not cubic
    _check_walkers(config)
    starts = walkers_start_from(config)
    check_labels_possible(starts, config.labeler, "the walkers' starts")
    if config.test is not None:
        test = labelled_of("test", config.test)
        check_elements("test", test, elements_of(config.target))
        if config.starts is not None:
            check_apart(starts, test, "starts")
        check_unseen(test, {"source": config.source}, elements_of(config.target))
        if config.test.kind == "bundled":
            theory = bundled(config.test.name).sheet["labeler"]
            check_same_theory(f"test: {config.test.name}", theory, config.labeler, "a file, or leave test out")
    check_writable(out, config.store)
    check_site(config.site, config.store)
    check_device(config.device)


def crystal_simulated(config: GrowthConfig) -> Material:
    """Return the crystal whose dynamics must be stable, as the labeler has it.

    Raises:
        ConfigError: it is not one that properties are computed of.
    """
    potential = LabelCalculator(make_labeler(config.labeler))
    return Material(title_of(config.target), potential, config.crystal.prototype if config.crystal else None)


def _check_crystal(config: GrowthConfig) -> None:
    """Refuse a target whose crystal nobody named, and a crystal that cannot be made."""
    title = title_of(config.target)
    if config.crystal is None:
        if len(elements_of(config.target)) > 1:
            raise ConfigError(
                f"crystal: {title} is a compound; say which crystal it has: crystal: {{prototype: rocksalt, a: 4.8}}"
            )
        if config.starts is None and title not in CRYSTALS:
            raise ConfigError(
                f"target: the crystals of {', '.join(CRYSTALS)} are known, not that of {title}; say which it is, such "
                "as crystal: {prototype: bcc, a: 2.9}"
            )
    elif config.crystal.path:
        raise ConfigError(
            "crystal.path: dynamics are of a prototype; give prototype and a, and the file's structures as "
            "starts: {kind: file, path: ...}"
        )
    else:
        try:
            primitive = crystal_of(config.target, config.crystal).primitive
        except ConfigError as error:
            raise ConfigError(f"crystal: {error}") from error
        if found := fault(primitive):
            raise ConfigError(f"crystal: {primitive.symbols} {found}")


def _check_walkers(config: GrowthConfig) -> None:
    """Refuse a purpose that walkers cannot be made for: of an unknown crystal, or in cells that do not serve."""
    if config.starts is not None:
        for number, atoms in enumerate(walkers_start_from(config)):
            if config.purpose.pressure_GPa is not None and not atoms.pbc.all():
                raise ConfigError(
                    f"purpose.pressure_GPa: structure {number} of starts is not periodic in all directions, and has no "
                    "pressure; leave pressure_GPa out, or the structure"
                )
        return
    title = title_of(config.target)
    if "surface" in config.purpose.phases and len(elements_of(config.target)) > 1:
        raise ConfigError(
            f"purpose.phases: surface is of elements, for that of {title} would need a termination; leave it out, or "
            "give slabs that walkers start from: starts: {kind: file, path: ...}"
        )
    least = min(config.exploration.cells) * len(crystal_of(config.target, config.crystal).primitive)
    needed, why = (3, "a vacancy must leave 2") if "vacancy" in config.purpose.phases else (2, "2 must move")
    if least < needed:
        raise ConfigError(
            f"exploration.cells: {min(config.exploration.cells)} primitive cells of {title} have {least} "
            f"atom{'s' * (least > 1)}, and {why}; use larger ones"
        )


def walkers_start_from(config: GrowthConfig) -> list[Atoms]:
    """Return the structures that walkers of a growth's first round start from."""
    if config.starts is None:
        crystal = crystal_of(config.target, config.crystal)
        return [one.atoms for one in starting_points(config.purpose, config.exploration, crystal, config.seed, 0)]
    return check_structures("starts", config.starts, elements_of(config.target)) or []
