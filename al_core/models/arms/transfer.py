"""The arm of the paper: the source's weights, read as those of the target element."""

from collections.abc import Sequence

import torch
from ase import Atoms

from al_core.models.bundle import Bundle
from al_core.models.rescaling import fit_atomic_energy, relabel
from al_core.types import Label


def transfer(
    source: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    element: str,
    seed: int,
    device: torch.device,
    pool: Sequence[Atoms] = (),
) -> list[Bundle]:
    """Return the source committee with the target's atomic energy (Röcken and Zavadlav, arXiv:2502.13522).

    Args:
        source: the source committee.
        labelled: the labels E0 is fitted to; without labels it is the source's.
        element: chemical symbol of the target.
        seed: not used; the members differ by the seeds of their source models.
        device: where to compute.
        pool: not used.
    """
    return [fit_atomic_energy(relabel(bundle, element), labelled, device) for bundle in source]
