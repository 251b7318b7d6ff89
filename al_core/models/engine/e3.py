"""The two things the engine has from e3nn: couplings of harmonics, and the factor it gives silu."""

import functools

import torch

from al_core.models.engine.disk_cache import Made, cached

_LARGEST = 4  # degree that an architecture may have
_SILU = "silu"


def coupling(degree: int, other: int) -> torch.Tensor:
    """Return e3nn's Wigner 3j symbol of (1, degree, other), [3, 2 degree + 1, 2 other + 1], float64."""
    return _tables()[0][f"1,{degree},{other}"]


def silu_factor() -> float:
    """Return what silu is multiplied by to have a second moment of 1 on normally distributed numbers."""
    return float(_tables()[1][_SILU])


@functools.cache
def _tables() -> Made:
    return cached("e3nn", _LARGEST, ("e3nn",), _make)


def _make() -> Made:
    with torch.serialization.safe_globals([slice]):  # one of the constants e3nn reads holds slices
        from e3nn.math import normalize2mom
        from e3nn.o3 import wigner_3j
    symbols = {}
    for degree in range(_LARGEST + 1):
        for other in range(abs(degree - 1), min(degree + 1, _LARGEST) + 1):
            symbols[f"1,{degree},{other}"] = wigner_3j(1, degree, other, dtype=torch.float64).contiguous()
    return symbols, {_SILU: repr(float(normalize2mom(torch.nn.functional.silu).cst))}
