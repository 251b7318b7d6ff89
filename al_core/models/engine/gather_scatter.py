"""Moving values between atoms, pairs and neighbour slots, and matrices that differ by element."""

from collections.abc import Callable
from typing import Any

import torch

from al_core.models.engine.geometry import Geometry


class _Linear(torch.autograd.Function):
    """A linear map given together with its transpose, so that neither direction scatters."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, there: Callable[..., torch.Tensor], back: Callable[..., torch.Tensor]
    ) -> torch.Tensor:
        ctx.back = back
        return there(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return ctx.back(gradient), None, None


def _moved(x: torch.Tensor, there: Callable[..., torch.Tensor], back: Callable[..., torch.Tensor]) -> torch.Tensor:
    moved: torch.Tensor = _Linear.apply(x, there, back)  # type: ignore[no-untyped-call]
    return moved


class GatherScatter:
    """Moving values [K, ..., D] between pairs, slots and atoms of a geometry."""

    def __init__(self, geometry: Geometry) -> None:
        self._pair, self._slots, self._reverse = geometry.pair, geometry.slots, geometry.reverse
        self._neighbor, self._shape = geometry.neighbor.flatten(), geometry.neighbor.shape

    def _to_slots(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._pair)

    def _to_pairs(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._slots[0]).add_(x.index_select(1, self._slots[1]))

    def _to_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._neighbor)

    def _from_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self._reverse).view(x.shape[0], *self._shape, x.shape[2]).sum(2)

    def to_slots(self, x: torch.Tensor) -> torch.Tensor:
        """Give both slots of a pair its value."""
        return _moved(x, self._to_slots, self._to_pairs)

    def to_pairs(self, x: torch.Tensor) -> torch.Tensor:
        """Give a pair the sum of its slots."""
        return _moved(x, self._to_pairs, self._to_slots)

    def to_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        """Give every slot the value of the atom in it."""
        return _moved(x, self._to_neighbors, self._from_neighbors)

    def from_neighbors(self, x: torch.Tensor) -> torch.Tensor:
        """Give every atom the sum of the slots it stands in."""
        return _moved(x, self._from_neighbors, self._to_neighbors)


class Species:
    """Matrices that differ by the element of an atom."""

    def __init__(self, species: torch.Tensor, count: int) -> None:
        self.count = count
        if count > 1:
            self._atoms = [torch.nonzero(species == one).flatten() for one in range(count)]
            self._back = torch.argsort(torch.cat(self._atoms))

    def apply(self, function: Callable[..., Any], dim: int, *values: torch.Tensor) -> Any:
        """Call function(element, values of its atoms) for every element; put the results in the atoms' order."""
        if self.count == 1:
            return function(0, *values)
        parts = [
            function(one, *(value.index_select(dim, atoms) for value in values))
            for one, atoms in enumerate(self._atoms)
            if len(atoms)
        ]
        if isinstance(parts[0], tuple):
            return tuple(torch.cat(part, dim=dim).index_select(dim, self._back) for part in zip(*parts, strict=True))
        return torch.cat(parts, dim=dim).index_select(dim, self._back)

    def matmul(self, x: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
        """Return x [K, N, m, C] times the matrix [K, Z, C, D] of each atom's element."""
        found: torch.Tensor = self.apply(lambda one, part: matmul(part, matrices[:, one]), 1, x)
        return found


def matmul(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Return x [K, N, m, C] times matrix [K, C, D]."""
    members, atoms, components, _ = x.shape
    return torch.bmm(x.reshape(members, atoms * components, -1), matrix).view(members, atoms, components, -1)
