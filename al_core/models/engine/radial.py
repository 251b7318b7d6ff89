"""Radial functions: Bessel basis with cutoff, and the network that turns it into weights, with their derivatives."""

from typing import Any

import torch


def bessel(
    distances: torch.Tensor, frequencies: torch.Tensor, prefactor: torch.Tensor, r_max: torch.Tensor, power: int
) -> torch.Tensor:
    """Return Bessel functions times polynomial cutoff and their derivatives, [2, n, n_basis], of distances [n].

    J. Gasteiger et al., arXiv:2003.03123, eqs. 7 and 8.
    """
    r = distances.unsqueeze(-1)
    sine, cosine = torch.sin(frequencies * r), torch.cos(frequencies * r)
    basis = prefactor * sine / r
    basis_slope = prefactor * frequencies * cosine / r - basis / r
    x, p = r / r_max, power
    inside = (x < 1).to(x)
    envelope = inside * (1 - (p + 1) * (p + 2) / 2 * x**p + p * (p + 2) * x ** (p + 1) - p * (p + 1) / 2 * x ** (p + 2))
    envelope_slope = inside * (-p * (p + 1) * (p + 2) / 2 * x ** (p - 1) * (1 - x) ** 2) / r_max
    return torch.stack([basis * envelope, basis_slope * envelope + basis * envelope_slope])


class _Network(torch.autograd.Function):
    """A bias-free silu network on values and their derivatives along one line."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, *weights: torch.Tensor) -> Any:
        hidden, saved = inputs.unsqueeze(0), []
        for weight in weights[:-1]:
            before = torch.matmul(hidden, weight)
            hidden = torch.empty_like(before)
            u, slope = before.chunk(2, dim=1)
            value, value_slope = hidden.chunk(2, dim=1)
            gate = torch.sigmoid(u)
            torch.mul(u, gate, out=value)
            opening = (gate + value).addcmul_(value, gate, value=-1)  # silu' = s + u s (1 - s)
            torch.mul(opening, slope, out=value_slope)
            saved += [before, hidden, gate, opening]
        ctx.save_for_backward(inputs, *weights, *saved)
        ctx.layers = len(weights)
        return torch.matmul(hidden, weights[-1]).chunk(2, dim=1)

    @staticmethod
    def backward(ctx: Any, of_value: torch.Tensor, of_slope: torch.Tensor) -> Any:
        gradient = torch.cat([of_value, of_slope], dim=1)
        inputs, *rest = ctx.saved_tensors
        weights, saved = rest[: ctx.layers], rest[ctx.layers :]
        found: list[torch.Tensor | None] = [None] * ctx.layers
        for layer in range(ctx.layers - 1, 0, -1):
            before, hidden, gate, opening = saved[4 * layer - 4 : 4 * layer]
            found[layer] = torch.matmul(hidden.mT, gradient)
            gradient = _through_silu(before, hidden, gate, opening, torch.matmul(gradient, weights[layer].mT))
        found[0] = torch.matmul(inputs.mT, gradient)
        return None, *found


def _through_silu(
    before: torch.Tensor, hidden: torch.Tensor, gate: torch.Tensor, opening: torch.Tensor, gradient: torch.Tensor
) -> torch.Tensor:
    u, slope = before.chunk(2, dim=1)
    of_value, of_slope = gradient.chunk(2, dim=1)
    bend = torch.sub(u, hidden.chunk(2, dim=1)[0], alpha=2).add_(2)  # silu'' = s (1 - s) (2 + u - 2 u s)
    bend.mul_(torch.addcmul(gate, gate, gate, value=-1)).mul_(slope).mul_(of_slope)
    of_value.mul_(opening).add_(bend)
    of_slope.mul_(opening)
    return gradient


def radial_network(inputs: torch.Tensor, weights: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a bias-free silu network makes of values and derivatives; differentiable once, in the weights.

    Args:
        inputs: [2 n, n_basis]; the values, then their derivatives.
        weights: matrices [K, n_in, n_out], one a layer; the last one is linear.

    Returns:
        values and derivatives, each [K, n, n_out].
    """
    values, slopes = _Network.apply(inputs, *weights)  # type: ignore[no-untyped-call]
    return values, slopes
