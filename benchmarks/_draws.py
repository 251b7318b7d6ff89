"""Committees of germanium trained on random draws of the shipped pool's labels: what several benchmarks look at."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

    from al_core.models.bundle import Bundle
    from al_core.types import Label

POOL, TEST = "ge-pool-pbe-2", "ge-test-pbe-2"
STEPS = {"scratch": 600, "transfer": 600, "rescaled": 150}


@cache
def shipped(name: str) -> "list[tuple[Atoms, Label]]":
    """Return a shipped data set with its labels."""
    from al_core.structures.datasets import LabelKeys, bundled, labelled_structures

    return labelled_structures(bundled(name).path, LabelKeys())


def drawn(labels: int, draw: int, pool: str = POOL) -> "list[tuple[Atoms, Label]]":
    """Return a random draw of a shipped germanium pool; with more labels it goes on with others."""
    labelled = shipped(pool)
    return [labelled[index] for index in np.random.default_rng(draw).permutation(len(labelled))[:labels]]


def trained(
    kind: str,
    labelled: "Sequence[tuple[Atoms, Label]]",
    draw: int,
    members: int = 2,
    source: str = "si-pbe-2",
    pool: str = POOL,
    as_of: int | None = None,
) -> "list[Bundle]":
    """Return a committee of an arm with its default tuning; without labels, the one it starts with.

    Args:
        kind: scratch, transfer or rescaled.
        labelled: what it is trained on.
        draw: the seed of weights and batches.
        members: models of the committee.
        source: shipped silicon models.
        pool: the shipped structures that it may see without labels.
        as_of: how many labels it is trained the way of; as many as there are if not given.
    """
    import torch

    from al_core.config.arms import RescaledArm, ScratchArm, TransferArm
    from al_core.config.training import Training
    from al_core.models.arms import ARMS
    from al_core.models.bundle import load_bundle
    from al_core.models.committee import committee_folders
    from al_core.models.sources.shipped import shipped_committee
    from al_core.models.training.train import train

    arm = {"scratch": ScratchArm, "transfer": TransferArm, "rescaled": RescaledArm}[kind]()
    cpu, structures = torch.device("cpu"), [atoms for atoms, _ in shipped(pool)]
    models = [load_bundle(folder) for folder in committee_folders(shipped_committee(source))[:members]]
    starts = ARMS[kind](models, labelled, "Ge", draw, cpu, structures)
    if not labelled:
        return starts
    settings = Training(steps=STEPS[kind])
    tuning = arm.tuning.as_of(len(labelled) if as_of is None else as_of)
    found = train(starts, labelled, settings, arm.learning_rate, draw, cpu, tuning=tuning, unlabelled=structures)
    return [bundle for bundle in found if bundle]
