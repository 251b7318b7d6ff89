"""Properties of a potential: of a committee's mean with the spread of its members, or of any calculator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from ase.calculators.calculator import Calculator

from al_core.config.evaluation import AnyProperties
from al_core.evaluation.defects import defects
from al_core.evaluation.elastic import elastic
from al_core.evaluation.lattice import lattice
from al_core.evaluation.material import Material, check_possible
from al_core.evaluation.measured import Measured, Properties
from al_core.evaluation.phonons import phonons
from al_core.evaluation.stability import stability
from al_core.evaluation.structure import structure as structure_
from al_core.evaluation.surfaces import surfaces
from al_core.models.bundle import Bundle
from al_core.models.calculator import CommitteeCalculator

METHODS: dict[str, Callable[[Material, Any], Measured]] = {
    "lattice": lattice,
    "elastic": elastic,
    "phonons": phonons,
    "defects": defects,
    "surfaces": surfaces,
    "stability": stability,
    "structure": structure_,
}
STATIC = tuple(name for name in METHODS if name not in {"stability", "structure"})  # what takes no dynamics


def of_committee(
    committee: Sequence[Bundle],
    settings: Sequence[AnyProperties],
    device: torch.device,
    structure: str | None = None,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Measured]:
    """Return by kind the properties of a committee's mean, and how far its members' own lie apart.

    Dynamics are in single precision, and of the mean only, or of the first member where the settings say so.

    Args:
        committee: models of one element, or of one compound.
        settings: which properties, and how.
        device: where to compute; all but dynamics in double precision.
        structure: of the crystal, see :class:`~al_core.evaluation.material.Material`.
        progress: called after each of the measurements, see :func:`measurements`.
    """
    formula, static = "".join(committee[0].elements), [one for one in settings if one.kind in STATIC]
    potentials = [CommitteeCalculator(committee, device, torch.float64)]
    if len(committee) > 1:
        potentials += [CommitteeCalculator([one], device, torch.float64) for one in committee]
    mean, *members = (of_potential(one, formula, static, structure, progress) for one in potentials)
    dynamic = [one for one in settings if one.kind not in STATIC]
    found = {
        kind: Measured(_with_spread(one.properties, [member[kind].properties for member in members]), one.details)
        for kind, one in mean.items()
    }
    for one in dynamic:
        moving = committee[:1] if one.kind == "stability" and one.first_member else committee
        found |= of_potential(CommitteeCalculator(moving, device), formula, [one], structure, progress)
    return found


def _with_spread(mean: Properties, members: Sequence[Properties]) -> Properties:
    found: Properties = {}
    for name, one in mean.items():
        numbers = [member[name].value for member in members if name in member]
        known = [value for value in numbers if value is not None]
        found[name] = replace(one, spread=float(np.std(known, ddof=1)) if len(known) > 1 else None)
    return found


def measurements(settings: Sequence[AnyProperties], members: int) -> int:
    """Return how many measurements a committee takes: statics of its mean and of each member, dynamics of its mean."""
    static = sum(one.kind in STATIC for one in settings)
    return len(settings) + (static * members if members > 1 else 0)


def of_potential(
    potential: Calculator,
    formula: str,
    settings: Sequence[AnyProperties],
    structure: str | None = None,
    progress: Callable[[], None] = lambda: None,
    guide: Calculator | None = None,
) -> dict[str, Measured]:
    """Return by kind the properties of an ASE calculator; arguments as :func:`of_committee`, and of ``Material``."""
    material = Material(formula, potential, structure, guide)
    check_possible(material, settings)
    found: dict[str, Measured] = {}
    for one in settings:
        found[one.kind] = METHODS[one.kind](material, one)
        progress()
    return found


def together(found: Mapping[str, Measured]) -> Properties:
    """Return the properties of all kinds in one."""
    return {name: value for one in found.values() for name, value in one.properties.items()}
