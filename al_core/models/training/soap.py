"""SOAP: Adam in the eigenbases of a matrix's gradients (N. Vyas et al., arXiv:2409.11321).

A weight matrix W with gradients G has running averages L of G Gᵀ and R of Gᵀ G (Shampoo's preconditioner). Adam runs on
the gradient turned into their eigenvectors, where its division by the root of each mean square is a division by
curvatures and not only by the sizes of single weights. The eigenvectors are followed by one orthogonal iteration now
and then.

Matrices of one shape, of all weights and members, are turned together: that costs a tenth of a training step at most.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch

_FIRST, _SECOND, _SIDES = 0.95, 0.99, 0.95  # what the running averages keep in a step
_TINY = 1e-10  # added to the root of the mean square
_EVERY = 10  # steps between two iterations of the eigenvectors
# Where axes do not turn, Cauchy and Schwarz bound a first moment by so many roots of the second; just after they
# have turned, nothing else does
_BOUND = (1 - _FIRST) / math.sqrt((1 - _SECOND) * (1 - _FIRST**2 / _SECOND))
_LARGEST = 256  # rows or columns; a longer side is not turned


class Soap:
    """The optimizer of some leaves, and its state. Members never mix, and one that is not finite leaves the others be.

    Args:
        leaves: what is optimised, each [K, ...]; those without a gradient stay.
        channels: of the network; flat weights are blocks of channels by channels, or channels by something.
    """

    def __init__(self, leaves: Sequence[torch.Tensor], channels: int) -> None:
        self._leaves = leaves
        self._steps = 0
        groups = defaultdict(list)
        for leaf in leaves:
            groups[_matrix_shape(leaf.shape[1:], channels)].append(leaf)
        self._groups = [_Group(own, *shape) for shape, own in groups.items()]

    def step(self, rate: float) -> None:
        """Move the leaves along their gradients, with a learning rate."""
        self._steps += 1
        with torch.no_grad():
            for group in self._groups:
                group.step(rate, self._steps)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes."""
        return {"steps": self._steps, "groups": [group.tensors for group in self._groups]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from the state of another one of the same leaves."""
        self._steps = state["steps"]
        for group, tensors in zip(self._groups, state["groups"], strict=True):
            for name, tensor in group.tensors.items():
                tensor.copy_(tensors[name])


class _Group:
    """All matrices of one shape, [B, rows, columns]."""

    def __init__(self, leaves: list[torch.Tensor], rows: int, columns: int) -> None:
        self._leaves, self._shape = leaves, (-1, rows, columns)
        like = torch.cat([leaf.detach().reshape(self._shape) for leaf in leaves])
        self.tensors = {"first": torch.zeros_like(like), "second": torch.zeros_like(like)}
        self._sides = [side for side, size in (("left", rows), ("right", columns)) if _turned(rows, columns, size)]
        for side in self._sides:
            size = rows if side == "left" else columns
            self.tensors[side] = like.new_zeros(len(like), size, size)
            self.tensors[f"{side}_basis"] = torch.eye(size).to(like).repeat(len(like), 1, 1)

    def step(self, rate: float, number: int) -> None:
        gradient = torch.cat([_gradient(leaf).reshape(self._shape) for leaf in self._leaves])
        for side in self._sides:
            square = gradient @ gradient.mT if side == "left" else gradient.mT @ gradient
            self.tensors[side].lerp_(square, 1 - _SIDES)
            if number % _EVERY == 1:
                self._follow(side)
        first, second = self.tensors["first"], self.tensors["second"]
        first.lerp_(gradient, 1 - _FIRST)
        second.lerp_(self._into(gradient).square(), 1 - _SECOND)
        scale = rate * math.sqrt(1 - _SECOND**number) / (1 - _FIRST**number)
        relative = self._into(first) / (second.sqrt() + _TINY)
        change = self._out(relative.clamp(-_BOUND, _BOUND)) * scale
        ends = change.split([leaf.numel() // change[0].numel() for leaf in self._leaves])
        for leaf, part in zip(self._leaves, ends, strict=True):
            leaf.sub_(part.view_as(leaf))

    def _follow(self, side: str) -> None:
        """Bring a basis nearer to the eigenvectors, the largest eigenvalue first; mean squares go with their axes."""
        basis = self.tensors[f"{side}_basis"]
        image = self.tensors[side] @ basis
        order = (basis * image).sum(-2).argsort(-1, descending=True)
        image = image.gather(-1, order.unsqueeze(-2).expand_as(image))
        second = self.tensors["second"]
        index = order.unsqueeze(-1) if side == "left" else order.unsqueeze(-2)
        second.copy_(second.gather(-2 if side == "left" else -1, index.expand_as(second)))
        basis.copy_(torch.linalg.qr(image).Q)

    def _into(self, x: torch.Tensor) -> torch.Tensor:
        if "left" in self._sides:
            x = self.tensors["left_basis"].mT @ x
        return x @ self.tensors["right_basis"] if "right" in self._sides else x

    def _out(self, x: torch.Tensor) -> torch.Tensor:
        if "left" in self._sides:
            x = self.tensors["left_basis"] @ x
        return x @ self.tensors["right_basis"].mT if "right" in self._sides else x


def _gradient(leaf: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _turned(rows: int, columns: int, size: int) -> bool:
    return min(rows, columns) > 1 and size <= _LARGEST


def _matrix_shape(shape: torch.Size, channels: int) -> tuple[int, int]:
    """Return the (rows, columns) that a member's weight consists of."""
    if len(shape) > 1:
        return shape[-2], shape[-1]
    if shape[0] % channels**2 == 0:
        return channels, channels
    if shape[0] % channels == 0:
        return channels, shape[0] // channels
    return 1, shape[0]
