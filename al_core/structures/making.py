"""Structures that a config describes and nobody has yet: sampled by molecular dynamics, or rattled."""

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from al_core.config.structures import MDStructures, SampledStructures
from al_core.structures.rattling import perfect, rattle
from al_core.structures.sampling import crystals_like, sample
from al_core.structures.seeding import Role


def make_structures(
    config: SampledStructures,
    elements: Sequence[str],
    potential: Callable[[str], Calculator],
    role: Role,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Atoms]:
    """Return the structures, each with its slice in ``info["config_type"]``.

    Args:
        config: how they are made.
        elements: chemical symbols; dynamics are of the first, which must be the only one.
        potential: gives the ASE calculator of the neutral potential for an element.
        role: what the structures are for.
        progress: called with (done, total) after each structure.

    Raises:
        ConfigError: the crystal cannot be made.
        SelectionError: the dynamics explode, or atoms come too close, again and again.
    """
    if isinstance(config, MDStructures):
        return sample(config, elements[0], potential, role, progress)
    return rattle(config, elements, role, progress)


def crystals_of(config: SampledStructures, elements: Sequence[str]) -> list[Atoms]:
    """Return a perfect crystal of the size of each structure that will be made: what is needed to plan with.

    Raises:
        ConfigError: the crystal cannot be made.
    """
    if isinstance(config, MDStructures):
        return crystals_like(config, elements[0])
    parts = [(part, np.random.default_rng(number)) for part in config.slices for number in range(part.count)]
    return [perfect(part, config.crystal, elements, rng)[part.vacancies :] for part, rng in parts]
