"""The Pulay stress that a cutoff leaves, known before any label.

The stress of a label is that of a fixed set of plane waves; a crystal that breathes has more or fewer. What is missing
is the pressure (2 E / 3 V) dU/dE, with the cutoff E and the total energy U (Froyen and Cohen, J. Phys. C 19, 2623
(1986)). U's derivative is taken from the PAW data sets: the kinetic energy of an atom's pseudo partial waves beyond the
cutoff (as GPAW's ``utilities/ekin.py``), its mean over cutoffs within a fifth, as bonds blur it.

Against GPAW's own pressures, those of a high cutoff subtracted, GPa (estimate in brackets): MgO 62 (58) at 400 eV, 19
(18) at 500, 5.1 (4.3) at 600, 0.1 (0.8) at 800; CaO 3.3 (2.9) at 600; Cu 7.4 (7.0) at 400; Ge 0.1 (0.1) at 250. At
single cutoffs bonds may cancel it by chance: Cu 0.2 (5.7) at 300.
"""

import functools
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.units import GPa, Hartree
from scipy.integrate import simpson
from scipy.interpolate import CubicSpline
from scipy.special import spherical_jn

from calculators.gpaw.paw import partial_waves

_WINDOW = 0.2  # of the cutoff, to both sides
_WORTH_A_NOTE_GPa, _WANTED_GPa = 2.0, 1.0  # the tails of some data sets leave 1 GPa where GPAW has none
_CUTOFFS_EV = range(100, 2001, 50)
_RADII, _LARGEST_MOMENTUM = np.linspace(0, 20, 2001), 14.0  # atomic units; 14 are 2,670 eV


def pulay_pressure(atoms: Atoms, xc: str, cutoff_eV: float) -> float:
    """Return what the pressure of a structure's label is too low by, GPa; its crystal is too small for it."""
    energy = sum(_energy(symbol, xc, cutoff_eV) for symbol in atoms.get_chemical_symbols())
    return energy / float(atoms.cell.volume) / GPa


def pulay_notes(structures: Sequence[Atoms], xc: str, cutoff_eV: float) -> list[str]:
    """Return what to know of the stress of structures' labels, and to which cutoff to go; nothing where it is small."""
    if not structures:
        return []
    densest = max(structures, key=lambda atoms: pulay_pressure(atoms, xc, cutoff_eV))
    pressure = pulay_pressure(densest, xc, cutoff_eV)
    if pressure < _WORTH_A_NOTE_GPa:
        return []
    worst = max(set(densest.get_chemical_symbols()), key=lambda symbol: _energy(symbol, xc, cutoff_eV))
    higher = (one for one in _CUTOFFS_EV if one > cutoff_eV)
    enough = next((one for one in higher if pulay_pressure(densest, xc, one) <= _WANTED_GPa), _CUTOFFS_EV[-1])
    return [
        f"cutoff_eV {cutoff_eV:g} is low for {worst}: pressures will be some {pressure:.0f} GPa too low (Pulay "
        f"stress), and what learns them has too small a crystal; cutoff_eV: {enough} leaves {_WANTED_GPa:g} GPa or less"
    ]


@functools.cache
def _energy(element: str, xc: str, cutoff_eV: float) -> float:
    """Return 2/3 of the cutoff times what an atom's energy falls by with each eV of it, eV."""
    energies, falls = _tail(element, xc)
    near = np.linspace((1 - _WINDOW) * cutoff_eV, (1 + _WINDOW) * cutoff_eV, 101)
    return 2 / 3 * cutoff_eV * float(np.interp(near, energies, falls).mean())


@functools.cache
def _tail(element: str, xc: str) -> tuple[np.ndarray, np.ndarray]:
    """Return cutoffs, eV, and what the energy of an element's free atom falls by with each eV there.

    An electron's kinetic energy is the integral of k^4 phi(k)^2 / pi over its momenta k, with phi(k) that of
    r^2 j_l(k r) phi(r); per energy k^2 / 2 it is that over k.
    """
    momenta = np.linspace(0.5, _LARGEST_MOMENTUM, 600)
    falls = np.zeros_like(momenta)
    for wave in partial_waves(element, xc):
        spline = CubicSpline(wave.radii, wave.values)
        phi = simpson(spherical_jn(wave.l, np.outer(momenta, _RADII)) * _RADII**2 * spline(_RADII), x=_RADII)
        falls += wave.electrons * momenta**3 * phi**2 / np.pi
    return Hartree * momenta**2 / 2, falls
