"""Equations of state of crystals, and the primitive cells of an element's phases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.eos import EquationOfState as Fit
from scipy.optimize import OptimizeResult, minimize_scalar

from al_core.evaluation.measured import NoPropertyError

ATOMS_OF_CUBE = {"diamond": 8, "fcc": 4, "bcc": 2, "sc": 1}
IDEAL_RATIO = sqrt(8 / 3)  # c/a of spheres in hcp
_VOLUMES = {"diamond": 1.36, "fcc": 1.0, "hcp": 1.0, "bcc": 1.0, "sc": 1.1, "beta_tin": 0.97}  # in fcc's, roughly
_BETA_TIN_RATIO = 0.55  # c/a, of germanium and tin
_SCAN = np.linspace(0.7, 1.3, 13)  # of the expected volume
_FITTED = np.linspace(0.94, 1.06, 7)  # of that with the least energy
_STRETCHES = np.linspace(0.85, 1.2, 8)  # of the expected c/a
_AROUND = np.array([0.9, 1.1])  # times the one of these with the least energy
_STRETCH_TOLERANCE = 1e-3


@dataclass(frozen=True)
class EquationOfState:
    """Energy against volume (Birch and Murnaghan).

    Attributes:
        volume: Å^3 per atom, of the least energy.
        energy: eV per atom there.
        bulk_modulus_GPa: there.
        derivative: of the bulk modulus by pressure.
        volumes: Å^3 per atom, of the points it is fitted to, ascending.
        energies: eV per atom of these points.
        ratio: c/a at the least energy, of a crystal whose c/a is free.
    """

    volume: float
    energy: float
    bulk_modulus_GPa: float
    derivative: float
    volumes: tuple[float, ...]
    energies: tuple[float, ...]
    ratio: float | None = None


def equation_of_state(atoms: Atoms, potential: Calculator, free_ratio: bool = False) -> EquationOfState:
    """Return the equation of state of a crystal whose atoms stay where they are relative to its cell.

    The minimum is looked for between 0.7 and 1.3 of the volume of ``atoms``; seven volumes within 6 % of it are fitted.
    A free c/a is that of the least energy at each of the seven.

    Args:
        atoms: one cell.
        potential: energies, eV.
        free_ratio: whether the third axis, which must be normal to the others, has a length of its own.

    Raises:
        NoPropertyError: there is no minimum there, or of c/a none between 0.85 and 1.2 of that of ``atoms``.
    """

    def energy(ratio: float, stretch: float = 1.0) -> float:
        copy = atoms.copy()
        factors = ratio ** (1 / 3) * stretch ** np.array([-1 / 3, -1 / 3, 2 / 3])
        copy.set_cell(atoms.cell.array * factors, scale_atoms=True)
        copy.calc = potential
        return float(copy.get_potential_energy() / len(atoms))

    volume = atoms.get_volume() / len(atoms)
    lowest = _lowest([energy(ratio) for ratio in _SCAN])
    if lowest is None:
        raise NoPropertyError(f"no least energy between {_SCAN[0]:g} and {_SCAN[-1]:g} of {volume:.1f} Å^3 per atom")
    ratios = _SCAN[lowest] * _FITTED
    if not free_ratio:
        return _fitted(ratios * volume, [energy(ratio) for ratio in ratios])

    known = float(atoms.cell.lengths()[2] / atoms.cell.lengths()[0])
    middle = _lowest([energy(_SCAN[lowest], stretch) for stretch in _STRETCHES])
    if middle is None:
        between = f"{_STRETCHES[0] * known:.2f} and {_STRETCHES[-1] * known:.2f}"
        raise NoPropertyError(f"no least energy of c/a between {between}")

    def least(ratio: float) -> OptimizeResult:
        bounds = _STRETCHES[middle] * _AROUND
        return minimize_scalar(partial(energy, ratio), bounds=bounds, options={"xatol": _STRETCH_TOLERANCE})

    found = _fitted(ratios * volume, [least(ratio).fun for ratio in ratios])
    return replace(found, ratio=known * float(least(found.volume / volume).x))


def _lowest(energies: Sequence[float]) -> int | None:
    """Return the index of the least of several energies, or None where it is the first or the last."""
    lowest = int(np.argmin(energies))
    return lowest if 0 < lowest < len(energies) - 1 else None


def _fitted(volumes: np.ndarray, energies: Sequence[float]) -> EquationOfState:
    if not np.isfinite(energies).all():
        raise NoPropertyError("energies are not finite")
    fit = Fit(volumes.tolist(), list(energies), eos="birchmurnaghan")
    try:
        best, energy, modulus = fit.fit(warn=False)
    except RuntimeError as error:
        raise NoPropertyError(f"no equation of state fits the energies: {error}") from error
    return EquationOfState(
        volume=float(best),
        energy=float(energy),
        bulk_modulus_GPa=float(modulus / units.GPa),
        derivative=float(fit.eos_parameters[2]),
        volumes=tuple(volumes.tolist()),
        energies=tuple(energies),
    )


def phase_volume(known: str, phase: str) -> float:
    """Return roughly the volume per atom of a phase in that of another."""
    return _VOLUMES[phase] / _VOLUMES.get(known, 1.0)


def primitive_cell(element: str, phase: str, volume: float, ratio: float = IDEAL_RATIO) -> Atoms:
    """Return the primitive cell of a phase.

    Args:
        element: chemical symbol.
        phase: as ASE's ``bulk`` names it, or ``beta_tin``, which has c/a = 0.55.
        volume: per atom, Å^3.
        ratio: c/a of hcp.
    """
    if phase == "hcp":
        a = (4 * volume / (sqrt(3) * ratio)) ** (1 / 3)
        return bulk(element, phase, a=a, c=ratio * a)
    if phase != "beta_tin":
        return bulk(element, phase, a=(ATOMS_OF_CUBE[phase] * volume) ** (1 / 3))
    a = (4 * volume / _BETA_TIN_RATIO) ** (1 / 3)
    half, height = a / 2, _BETA_TIN_RATIO * a / 2
    cell = [(-half, half, height), (half, -half, height), (half, half, -height)]  # body-centred tetragonal
    return Atoms([element] * 2, positions=[(0, 0, 0), (0, half, height / 2)], cell=cell, pbc=True)
