"""Arms: how a committee of models of the target starts. One file each; this is their registry."""

from collections.abc import Callable, Sequence

import torch
from ase import Atoms

from al_core.config.target import Target
from al_core.models.arms.rescaled import rescaled
from al_core.models.arms.scratch import scratch
from al_core.models.arms.transfer import transfer
from al_core.models.bundle import Bundle
from al_core.types import Label

Start = Callable[
    [Sequence[Bundle], Sequence[tuple[Atoms, Label]], Target, int, torch.device, Sequence[Atoms]], list[Bundle]
]

ARMS: dict[str, Start] = {"scratch": scratch, "transfer": transfer, "rescaled": rescaled}
