"""The same numbers from GPAW in less time: wave functions go between their plane waves and the grid by shorter FFTs.

The plane waves of a wave function fill a sphere that is a fifteenth of the grid's box. GPAW transforms the whole box,
one band after another through several layers of Python. Here lines of the box that are zero, or that nobody asks for,
are left out, and FFTW (pyfftw brings it) does the others in place. What differs is rounding.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyfftw
from gpaw.core.plane_waves import PWArray
from gpaw.new.pw.hamiltonian import PWHamiltonian

_GPAW_APPLY, _GPAW_SQUARE = PWHamiltonian.apply_local_potential, PWArray.abs_square


class SphereFFT:
    """Transforms between plane waves, integer vectors of at most ``reach`` along each axis, and a grid."""

    def __init__(self, shape: tuple[int, int, int], reach: tuple[int, int, int]) -> None:
        self.box: np.ndarray = pyfftw.zeros_aligned(shape, complex)
        self._flat = self.box.reshape(-1)
        xs, ys = (_occupied(size, most) for size, most in zip(shape[:2], reach[:2], strict=True))
        self._to_grid = self._plans(xs, ys, "FFTW_BACKWARD")
        self._to_sphere = self._plans(xs, ys, "FFTW_FORWARD")[::-1]

    def _plans(self, xs: list[slice], ys: list[slice], direction: str) -> list[Callable[[], None]]:
        parts = [(self.box[x, y], 2) for x in xs for y in ys] + [(self.box[x], 1) for x in xs] + [(self.box, 0)]
        flags = ("FFTW_MEASURE",)
        return [pyfftw.FFTW(a, a, axes=(axis,), direction=direction, flags=flags).execute for a, axis in parts]

    def to_grid(self, coefficients: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Return the values on the grid, in an array of this object's own, of coefficients [n] at indices [n] of it."""
        self.box.fill(0)
        self._flat[indices] = coefficients
        for execute in self._to_grid:
            execute()
        return self.box

    def to_sphere(self, indices: np.ndarray) -> np.ndarray:
        """Return the coefficients [n] of what is on the grid at indices [n]; the grid is left with something else."""
        for execute in self._to_sphere:
            execute()
        coefficients: np.ndarray = self._flat[indices]
        coefficients /= self.box.size
        return coefficients


def _occupied(size: int, reach: int) -> list[slice]:
    """Return where along an axis the integers -reach ... reach are, the negative ones at its end."""
    if 2 * reach + 1 >= size:
        return [slice(0, size)]
    return [slice(0, reach + 1), slice(size - reach, size)]


@functools.lru_cache(maxsize=4)
def _sphere_fft(shape: tuple[int, int, int], reach: tuple[int, int, int]) -> SphereFFT:
    return SphereFFT(shape, reach)


def sphere_fft(pw: Any, shape: tuple[int, int, int]) -> SphereFFT:
    """Return the transforms for GPAW's plane waves, of any k-point of the first Brillouin zone, and a grid."""
    # |G + k| < sqrt(2 ecut): along a lattice vector a the integers are below |a| sqrt(2 ecut) / (2 pi) + 1/2
    lengths = np.linalg.norm(pw.cell_cv, axis=1) * math.sqrt(2 * pw.ecut) / (2 * math.pi)
    x, y, z = (int(length + 0.5) for length in lengths)
    return _sphere_fft(shape, (x, y, z))


def install() -> None:
    """Let GPAW's plane-wave Hamiltonian and density use these transforms in this process.

    Distributed and real wave functions (a gamma point alone), spinors and GPUs are left to GPAW.
    """
    PWHamiltonian.apply_local_potential = apply_local_potential  # type: ignore[method-assign]
    PWArray.abs_square = abs_square  # type: ignore[method-assign]


def apply_local_potential(self: PWHamiltonian, vt_R: Any, psit_nG: Any, out: Any) -> None:
    """Put kinetic energy and local potential times wave functions into ``out``: GPAW's method of this name."""
    if not _ours(psit_nG):
        _GPAW_APPLY(self, vt_R, psit_nG, out)
        return
    pw, potential = psit_nG.desc, vt_R.data
    fft, indices, kinetic = sphere_fft(pw, potential.shape), pw.indices(potential.shape), pw.ekin_G
    for psit, result in zip(psit_nG.data, out.data, strict=True):
        grid = fft.to_grid(psit, indices)
        grid *= potential
        result[:] = fft.to_sphere(indices) + kinetic * psit


def abs_square(self: PWArray, weights: Any, out: Any, _slow: bool = False) -> None:
    """Add the weighted squares of wave functions on the grid to ``out``: GPAW's method of this name."""
    if not _ours(self):
        _GPAW_SQUARE(self, weights, out, _slow)
        return
    fft, indices = sphere_fft(self.desc, out.data.shape), self.desc.indices(out.data.shape)
    for weight, psit in zip(weights, self.data, strict=True):
        if weight:
            grid = fft.to_grid(psit, indices)
            out.data += weight * (grid.real**2 + grid.imag**2)


def _ours(psit_nG: Any) -> bool:
    pw = psit_nG.desc  # of a real function it has half the plane waves, with complex coefficients too
    serial = psit_nG.xp is np and pw.comm.size == 1
    return bool(serial and pw.dtype == complex and psit_nG.data.ndim == 2)
