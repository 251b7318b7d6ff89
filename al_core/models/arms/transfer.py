"""The arm of the paper: the source's weights, read as those of the target's elements."""

from collections.abc import Sequence

import torch
from ase import Atoms

from al_core.config.target import Target
from al_core.models.bundle import Bundle
from al_core.models.rescaling import fit_atomic_energies, relabel
from al_core.types import Label


def transfer(
    source: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    target: Target,
    seed: int,
    device: torch.device,
    pool: Sequence[Atoms] = (),
) -> list[Bundle]:
    """Return the source committee with the target's atomic energies (Röcken and Zavadlav, arXiv:2502.13522).

    Args:
        source: the source committee.
        labelled: the labels each E0 is fitted to; without labels they are the source's.
        target: its element, or the elements of a compound with those they start from.
        seed: not used; the members differ by the seeds of their source models.
        device: where to compute.
        pool: not used.
    """
    return [fit_atomic_energies(relabel(bundle, target), labelled, device) for bundle in source]
