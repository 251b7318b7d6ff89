"""Spherical harmonics of unit vectors and their derivatives, in e3nn's order and 'component' normalisation."""

import functools
import math

import torch

from al_core.models.engine.e3 import coupling


def harmonics(vectors: torch.Tensor, l_max: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Y [..., (l_max + 1)^2] of the directions of vectors [..., 3], and dY/dvector [..., (l_max + 1)^2, 3].

    A harmonic of degree l is a homogeneous polynomial p of the vector divided by r^l. grad p is a combination of the
    harmonics of degree l - 1, and p is (vector . grad p) / l by Euler's theorem; so the gradient of the harmonic is
    (grad p - l p direction) / r at the unit vector.
    """
    lengths = vectors.norm(dim=-1, keepdim=True)
    unit = vectors / lengths
    values, slopes = [torch.ones_like(lengths)], [torch.zeros_like(unit).unsqueeze(-2)]
    for degree in range(1, l_max + 1):
        ascent = torch.einsum("...p,mpa->...ma", values[-1], _ladder(degree).to(unit))
        along = torch.einsum("...ma,...a->...m", ascent, unit)
        values.append(along / degree)
        slopes.append((ascent - along.unsqueeze(-1) * unit.unsqueeze(-2)) / lengths.unsqueeze(-1))
    return torch.cat(values, dim=-1), torch.cat(slopes, dim=-2)


@functools.cache
def _ladder(degree: int) -> torch.Tensor:
    """Return the tensor [2l + 1, 2l - 1, 3] that makes gradients of degree l from harmonics of degree l - 1.

    It can only be a multiple of the Wigner 3j symbol. On e3nn's polar axis, y, only the middle harmonic of a degree is
    not zero; it is (2l + 1)^(1/2), which gives the factor.
    """
    symbol = coupling(degree - 1, degree).permute(2, 1, 0)
    ratio = math.sqrt((2 * degree + 1) / (2 * degree - 1))
    ladder: torch.Tensor = symbol * (degree * ratio / symbol[degree, degree - 1, 1])
    return ladder
