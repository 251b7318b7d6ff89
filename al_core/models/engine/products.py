"""The product basis: for every channel polynomials of its spherical components, and their gradients."""

import functools
from typing import Any

import torch


def symmetric(coupling: torch.Tensor, order: int, vector: bool) -> torch.Tensor:
    """Return a coupling tensor of mace in the form :func:`polynomials` reads, [n_paths, m I, pairs, I or 1].

    It is symmetrised over its inputs, as all of them are the same x; of order 3, the two entries of x_i x_j and x_j x_i
    are one.

    Args:
        coupling: mace's ``U_matrix``: [m (for vectors only), I, ..., I, n_paths].
        order: 1, 2 or 3; how often I stands there.
        vector: whether the outcome has m = 3 components.
    """
    if not vector:
        coupling = coupling.unsqueeze(0)
    if order == 1:
        return coupling.permute(2, 0, 1).flatten(1).unsqueeze(-1)
    if order == 2:
        mean = (coupling + coupling.transpose(1, 2)) / 2
        return mean.permute(3, 0, 1, 2).flatten(1, 2)
    orders = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
    mean = torch.stack([coupling.permute(0, *one, 4) for one in orders]).mean(0)
    first, second = torch.triu_indices(mean.shape[2], mean.shape[2])
    folded = mean[:, :, first, second] * torch.where(first == second, 1.0, 2.0).to(mean).unsqueeze(-1)
    return folded.permute(3, 0, 1, 2).flatten(1, 2)


@functools.cache
def _pairs(components: int, device: torch.device) -> torch.Tensor:
    """Return the indices (i, j), i <= j, of all pairs, [2, n_pairs]."""
    return torch.triu_indices(components, components, device=device)


@functools.cache
def _incidence(components: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return the matrix [I, 2 n_pairs] that adds up what comes in for i, then for j, of all pairs."""
    return torch.nn.functional.one_hot(_pairs(components, device).flatten(), components).T.to(dtype)


class _Polynomials(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, *tensors: torch.Tensor) -> Any:
        n, components, atoms = x.shape
        shape = (n, -1, components, atoms)
        value = gradient = tensors[0].view(n, -1, components, 1)
        saved = []
        if len(tensors) > 1:
            linear = torch.bmm(tensors[1], x).view(shape)
            value, gradient = value + linear, torch.add(gradient, linear, alpha=2)
        if len(tensors) > 2:
            first, second = _pairs(components, x.device)
            pairs = x.index_select(1, first).mul_(x.index_select(1, second))
            square = torch.bmm(tensors[2], pairs).view(shape)
            value, gradient = value.add_(square), gradient.add_(square, alpha=3)
            saved = [pairs]
        ctx.save_for_backward(x, value, *tensors, *saved)
        ctx.order = len(tensors)
        return (value * x.unsqueeze(1)).sum(2), gradient.expand(shape[0], -1, components, atoms)

    @staticmethod
    def backward(ctx: Any, of_value: torch.Tensor, of_gradient: torch.Tensor) -> Any:
        x, value, *rest = ctx.saved_tensors
        tensors, saved = rest[: ctx.order], rest[ctx.order :]
        n, components, atoms = x.shape
        of_value = of_value.contiguous().unsqueeze(2)
        of_gradient = of_gradient.contiguous()
        of_x = (of_value * value).sum(1)
        row = of_value * x.unsqueeze(1)
        found = [(row + of_gradient).sum(-1).reshape(n, -1, 1)]
        if ctx.order > 1:
            of_second = torch.add(row, of_gradient, alpha=2).reshape(n, -1, atoms)
            found.append(torch.bmm(of_second, x.mT))
            of_x.baddbmm_(tensors[1].mT, of_second)
        if ctx.order > 2:
            of_third = torch.add(row, of_gradient, alpha=3).reshape(n, -1, atoms)
            found.append(torch.bmm(of_third, saved[0].mT))
            of_pairs = torch.bmm(tensors[2].mT, of_third)
            first, second = _pairs(components, x.device)
            either = torch.cat([x.index_select(1, second), x.index_select(1, first)], dim=1)
            either.view(n, 2, -1, atoms).mul_(of_pairs.unsqueeze(1))
            incidence = _incidence(components, x.dtype, x.device)
            of_x.baddbmm_(incidence.expand(n, -1, -1), either)
        return of_x, *found


def polynomials(x: torch.Tensor, tensors: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return P [n, m, N] and dP/dx [n, m, I, N] of x [n, I, N]; differentiable once.

    P_m = sum_i x_i (T1_mi + sum_j T2_mij x_j + sum_jk T3_mijk x_j x_k); as the tensors are symmetric, the gradient is
    T1 + 2 T2 x + 3 T3 x x: both come from the same contractions.

    Args:
        x: n channels, I components, N atoms; contiguous.
        tensors: T1 [n, m I, 1], T2 [n, m I, I], T3 [n, m I, I (I + 1) / 2], as many as the correlation order.
    """
    value, gradient = _Polynomials.apply(x, *tensors)  # type: ignore[no-untyped-call]
    return value, gradient
