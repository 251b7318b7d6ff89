"""Only the last parts of the network are free: readouts, or readouts and product basis."""

import torch

from al_core.models.engine.stack import Stack
from al_core.models.training.tuning.plain import Plain

PARTS = {"readouts": ("readouts.",), "products": ("readouts.", "products.")}


class Frozen(Plain):
    """Trains the named parts and leaves radial functions, messages and embeddings as they start."""

    def __init__(self, models: Stack, free: str) -> None:
        self._prefixes = PARTS[free]
        super().__init__(models)

    def _free(self) -> list[torch.Tensor]:
        return [self.models.weights[name] for name in self.models.trainable if name.startswith(self._prefixes)]
