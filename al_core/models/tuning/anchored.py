"""Weights are held near where they start: each is measured by the scale of its tensor."""

import torch

from al_core.models.engine import Stack
from al_core.models.tuning.plain import Plain


class Anchored(Plain):
    """Adds strength * mean over tensors of (w - w_start)^2 / (mean square of the tensor at the start)."""

    def __init__(self, models: Stack, strength: float) -> None:
        super().__init__(models)
        self._strength = strength
        self._starts = [leaf.detach().clone() for leaf in self.leaves]
        self._scales = [start.flatten(1).square().mean(1).clamp(min=1e-12) for start in self._starts]

    def penalty(self) -> torch.Tensor:
        """Return the members' distances from their starts, [K]."""
        parts = [
            (leaf - start).flatten(1).square().mean(1) / scale
            for leaf, start, scale in zip(self.leaves, self._starts, self._scales, strict=True)
        ]
        return self._strength * torch.stack(parts).mean(0)
