"""Formation energies of a vacancy and of a self-interstitial, relaxed; of compounds that of a pair of vacancies."""

from collections.abc import Callable

import numpy as np
from ase import Atoms

from al_core.config.evaluation import DefectsEvaluation
from al_core.evaluation.material import Material, computed
from al_core.evaluation.measured import Measured, Properties, Property

_SPLIT = {"diamond": (1, 1, 0), "fcc": (1, 0, 0), "bcc": (1, 1, 0), "sc": (1, 1, 1)}  # dumbbells that are known stable
_APART = 1.0  # of the two atoms of a dumbbell, in bond lengths
_INWARD = 0.15  # of the way to the vacancy: its neighbours start there, and find the deeper minimum of two
_RATTLE = 0.02  # Å, so that atoms can give up their symmetry


def defects(material: Material, settings: DefectsEvaluation) -> Measured:
    """Return the formation energies of a vacancy and of a split interstitial (<110> in diamond), eV.

    E(defect) - N E(crystal) / N_crystal, at the volume of the crystal. Of compounds it is a bound Schottky pair, two
    neighbours less: what a single vacancy or an interstitial costs depends on the elements' chemical potentials.
    """
    found: Properties = {}
    for name in settings.which:
        if name == "interstitial" and material.structure not in _SPLIT:
            why = "of elements only" if material.is_compound else f"not of {material.structure}"
            found[f"{name}_formation_energy_eV"] = Property(None, "eV", why)
        elif not material.is_compound:
            found |= _formation(material, settings.supercell, name, _MADE[name])
        else:
            found |= _formation(material, settings.supercell, "schottky_pair", _pair)
    return Measured(found)


def _formation(material: Material, repeats: int, name: str, made: Callable[[Material, Atoms], Atoms]) -> Properties:
    def energy() -> list[float]:
        cell = material.cell(repeats)
        relaxed = material.relaxed(made(material, cell))
        crystal = material.energy(cell) / len(cell)
        return [relaxed.get_potential_energy() - len(relaxed) * crystal]

    return computed({f"{name}_formation_energy_eV": "eV"}, energy)


def _vacancy(material: Material, cell: Atoms) -> Atoms:
    atoms: Atoms = cell.copy()
    toward = atoms.get_distances(0, range(len(atoms)), mic=True, vector=True)
    near = np.linalg.norm(toward, axis=1) < 1.1 * material.bond
    atoms.positions[near] -= _INWARD * toward[near]
    del atoms[0]
    atoms.rattle(_RATTLE, seed=0)
    return atoms


def _pair(_: Material, cell: Atoms) -> Atoms:
    atoms: Atoms = cell.copy()
    near = atoms.get_distances(0, range(1, len(atoms)), mic=True)
    del atoms[[0, 1 + int(np.argmin(near))]]
    atoms.rattle(_RATTLE, seed=0)
    return atoms


def _interstitial(material: Material, cell: Atoms) -> Atoms:
    atoms: Atoms = cell.copy()
    along = np.array(_SPLIT[material.structure], float)
    half = along / np.linalg.norm(along) * _APART * material.bond / 2
    site = atoms.positions[0].copy()
    atoms.positions[0] = site + half
    atoms.append(material.formula)
    atoms.positions[-1] = site - half
    atoms.rattle(_RATTLE, seed=0)
    return atoms


_MADE: dict[str, Callable[[Material, Atoms], Atoms]] = {"vacancy": _vacancy, "interstitial": _interstitial}
