"""Spherical harmonics of unit vectors and their derivatives, in e3nn's order and 'component' normalisation."""

import functools

import torch

from al_core.models.e3 import o3


def harmonics(vectors: torch.Tensor, l_max: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Y [..., (l_max + 1)^2] of the directions of vectors [..., 3], and dY/dvector [..., (l_max + 1)^2, 3].

    A harmonic of degree l is a homogeneous polynomial p of the vector divided by r^l; so its gradient is
    (grad p - l p direction) / r at the unit vector, and grad p is a combination of the harmonics of degree l - 1.
    """
    lengths = vectors.norm(dim=-1, keepdim=True)
    unit = vectors / lengths
    values = o3.spherical_harmonics(list(range(l_max + 1)), unit, normalize=False, normalization="component")
    slopes = [torch.zeros_like(unit).unsqueeze(-2)]
    for degree in range(1, l_max + 1):
        lower = values[..., (degree - 1) ** 2 : degree**2]
        own = values[..., degree**2 : (degree + 1) ** 2]
        ascent = torch.einsum("...p,mpa->...ma", lower, _ladder(degree).to(lower))
        slopes.append((ascent - degree * own.unsqueeze(-1) * unit.unsqueeze(-2)) / lengths.unsqueeze(-1))
    return values, torch.cat(slopes, dim=-2)


@functools.cache
def _ladder(degree: int) -> torch.Tensor:
    """Return the tensor [2l + 1, 2l - 1, 3] that makes gradients of degree l from harmonics of degree l - 1.

    It can only be a multiple of the Wigner 3j symbol; Euler's theorem (x . grad p = l p) gives the factor.
    """
    coupling = o3.wigner_3j(degree, degree - 1, 1, dtype=torch.float64)
    point = torch.tensor([0.3, 0.5, 0.8], dtype=torch.float64)
    lower, own = (
        o3.spherical_harmonics(one, point, normalize=False, normalization="component") for one in (degree - 1, degree)
    )
    along = torch.einsum("p,mpa,a->m", lower, coupling, point)
    ladder: torch.Tensor = coupling * (degree * own.dot(along) / along.dot(along))
    return ladder
