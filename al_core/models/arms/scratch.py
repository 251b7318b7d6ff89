"""The arm that knows nothing of the source but its architecture."""

from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms

from al_core.config.target import Target, elements_of
from al_core.config.training import Architecture
from al_core.models.bundle import Bundle
from al_core.models.engine.neighbours import number_of_edges
from al_core.models.engine.untrained import seeded_bundle
from al_core.models.rescaling import fit_atomic_energies, with_scale
from al_core.types import Label

_SMALLEST_SCALE = 0.1  # eV/Å; labels of a nearly perfect crystal have next to no force to take a scale from
_NEIGHBORS_WITHOUT_DATA = 20.0


def scratch(
    source: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    target: Target,
    seed: int,
    device: torch.device,
    pool: Sequence[Atoms] = (),
) -> list[Bundle]:
    """Return a randomly initialised committee with the source's architecture.

    Args:
        source: gives the architecture and the committee's size; no weight of it is used.
        labelled: the labels at hand; may be none.
        target: its element, or the elements of a compound.
        seed: of the initial weights.
        device: where to compute.
        pool: not used.
    """
    return [
        initial_model(bundle.architecture, labelled, elements_of(target), _member_seed(seed, number), device)
        for number, bundle in enumerate(source)
    ]


def initial_model(
    architecture: Architecture,
    labelled: Sequence[tuple[Atoms, Label]],
    elements: Sequence[str],
    seed: int,
    device: torch.device,
) -> Bundle:
    """Return an untrained model with the labels' neighbour count, output scale (root mean square force) and E0s.

    These are the statistics mace's own training takes, too.
    """
    neighbors, scale = _NEIGHBORS_WITHOUT_DATA, 1.0
    if labelled:
        edges = sum(number_of_edges(atoms, architecture.r_max) for atoms, _ in labelled)
        neighbors = edges / sum(len(atoms) for atoms, _ in labelled) or _NEIGHBORS_WITHOUT_DATA
        forces = np.concatenate([label.forces.ravel() for _, label in labelled])
        scale = max(_SMALLEST_SCALE, float(np.sqrt((forces**2).mean())))
    start = with_scale(seeded_bundle(architecture, elements, neighbors, seed), scale)
    return fit_atomic_energies(start, labelled, device)


def _member_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
