"""The same first wave functions for GPAW's plane waves in less time: atomic orbitals go to plane waves directly.

GPAW adds the orbitals up on a grid and transforms that, which takes a tenth of a label of 64 atoms. The orbitals'
Fourier transforms are known: what is left is one matrix product for each k-point. What differs is what a grid of finite
spacing does to an orbital, 3e-4 of a wave function of Ge; nothing of it is left in a self-consistent label.
"""

from typing import Any

import numpy as np
from gpaw.core.pwacf import PWAtomCenteredFunctions
from gpaw.new.lcao.wave_functions import LCAOWaveFunctions

_GPAW_EXPANSION: Any = LCAOWaveFunctions.to_pw_expansion


def install() -> None:
    """Let GPAW expand orbitals in plane waves this way in this process.

    Distributed and real wave functions (a gamma point alone), spinors and GPUs are left to GPAW.
    """
    LCAOWaveFunctions.to_pw_expansion = to_pw_expansion  # type: ignore[method-assign]


def to_pw_expansion(self: LCAOWaveFunctions, nbands: int, pw: Any) -> Any:
    """Return the wave functions [nbands, n] in plane waves: GPAW's method of this name."""
    pw = pw.new(kpt=self.kpt_c)
    serial = self.xp is np and pw.comm.size == self.band_comm.size == 1
    if not serial or self.ncomponents == 4 or self.dtype != complex or pw.dtype != complex:
        return _GPAW_EXPANSION(self, nbands, pw)
    orbitals = [setup.basis_functions_J for setup in self.setups]
    # GPAW's orbitals have the phase of the k-point at their atom, its plane-wave functions do not
    phases = np.exp(-2j * np.pi * (self.relpos_ac @ self.kpt_c))
    counts = [sum(2 * orbital.l + 1 for orbital in of_atom) for of_atom in orbitals]
    coefficients = self.C_nM.new()
    coefficients.data[:] = self.C_nM.data * np.repeat(phases, counts)
    wave_functions = pw.empty(nbands, self.band_comm)
    functions = PWAtomCenteredFunctions(orbitals, self.relpos_ac, pw)
    functions.multiply(coefficients, wave_functions[: len(coefficients.data)])
    return wave_functions
