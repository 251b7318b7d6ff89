"""Adam with AMSGrad: torch's function. torch's class does the same, but imports the compiler, which takes a second."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim.adam import adam

_SETTINGS: dict[str, Any] = {
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "weight_decay": 0.0,
    "fused": True,
    "amsgrad": True,
    "maximize": False,
}


class Adam:
    """The optimizer of some leaves, and its moments.

    Args:
        leaves: what is optimised; those without a gradient stay.
    """

    def __init__(self, leaves: Sequence[torch.Tensor]) -> None:
        self._leaves = leaves
        self._moments = [[torch.zeros_like(leaf) for leaf in leaves] for _ in range(3)]
        self._steps = [torch.zeros((), device=leaf.device) for leaf in leaves]

    def step(self, rate: float) -> None:
        """Move the leaves along their gradients, with a learning rate."""
        moving = [number for number, leaf in enumerate(self._leaves) if leaf.grad is not None]
        firsts, seconds, largest = ([moments[number] for number in moving] for moments in self._moments)
        leaves = [self._leaves[number] for number in moving]
        gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
        steps = [self._steps[number] for number in moving]
        with torch.no_grad():
            adam(leaves, gradients, firsts, seconds, largest, steps, lr=rate, **_SETTINGS)

    def state(self) -> list[list[torch.Tensor]]:
        """Return what :meth:`restore` takes."""
        return [*self._moments, self._steps]

    def restore(self, state: list[list[torch.Tensor]]) -> None:
        """Go on from the state of another one of the same leaves."""
        *moments, steps = state
        for own, others in zip([*self._moments, self._steps], [*moments, steps], strict=True):
            for tensor, other in zip(own, others, strict=True):
                tensor.copy_(other)
