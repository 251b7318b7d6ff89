"""The parameters of a stack that a descent moves: all of them, unless a tuning frees others."""

from collections.abc import Mapping

import torch

from al_core.models.engine.stack import Stack


class Parameters:
    """What of a stack is trained: every weight.

    Attributes:
        models: the stack as it starts; :meth:`finish` writes the outcome into it.
        leaves: the tensors that are optimised, each [K, ...].
    """

    def __init__(self, models: Stack) -> None:
        self.models = models
        self.leaves = self._free()
        for leaf in self.leaves:
            leaf.requires_grad_()

    def _free(self) -> list[torch.Tensor]:
        return [self.models.weights[name] for name in self.models.trainable]

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Return the weights the network reads."""
        return self.models.weights

    def penalty(self) -> torch.Tensor | float:
        """Return what is added to each member's loss, [K]: nothing."""
        return 0.0

    def finish(self) -> None:
        """Write the leaves as they are now into the stack."""
