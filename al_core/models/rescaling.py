"""The exact rescaling of a MACE model, and the fit of its three numbers.

With Bessel radial functions a model that sees only distances relative to its cutoff can be stretched: multiplying the
cutoffs by a length ratio ``lam`` (and the Bessel frequencies by 1/lam) gives E_new(lam R) = E_old(R), and the output
scale carries an energy factor ``s``. So a source potential becomes E(R) = s E_source(R / lam) + n E0, exactly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers
from scipy.optimize import minimize_scalar

from al_core.models.bundle import Bundle
from al_core.models.prediction import Predictions, predict
from al_core.types import Label

_FORCE_ERROR = 0.10  # eV/Å; what a rescaled potential cannot describe, so that data and prior are weighed rightly
_ENERGY_ERROR = 0.010  # eV/atom
_LENGTH_PRIOR = 0.02  # relative width of the prior of the length ratio
_SCALE_PRIOR = 0.2  # width of the prior of the energy scale
_SEARCH = 0.10  # the length ratio is searched within this relative distance from the prior
_TOLERANCE = 2e-4

_SCALED_UP = ("r_max", "radial_embedding.bessel_fn.r_max", "radial_embedding.cutoff_fn.r_max")
_E0 = "atomic_energies_fn.atomic_energies"
_SCALE, _SHIFT = "scale_shift.scale", "scale_shift.shift"


@dataclass(frozen=True)
class Rescaling:
    """The numbers of a rescaling.

    Attributes:
        length: ratio of target to source lengths.
        energy: factor of the interaction energy.
    """

    length: float = 1.0
    energy: float = 1.0

    def as_dict(self) -> dict[str, float]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def atomic_energy(bundle: Bundle) -> float:
    """Return a bundle's E0, eV/atom."""
    return float(bundle.weights[_E0])


def with_atomic_energy(bundle: Bundle, e0: float) -> Bundle:
    """Return a copy of a bundle with another E0 (eV/atom)."""
    return replace(bundle, weights={**bundle.weights, _E0: torch.full_like(bundle.weights[_E0], e0)})


def with_scale(bundle: Bundle, scale: float) -> Bundle:
    """Return a copy of a bundle with another output scale (eV)."""
    return replace(bundle, weights={**bundle.weights, _SCALE: torch.full_like(bundle.weights[_SCALE], scale)})


def relabel(bundle: Bundle, element: str) -> Bundle:
    """Return the same potential as one of another element; energies and forces are bit-identical."""
    numbers = torch.full_like(bundle.weights["atomic_numbers"], atomic_numbers[element])
    origin = {"source": {"element": bundle.element, "name": bundle.info.get("name", "")}}
    return replace(bundle, element=element, weights={**bundle.weights, "atomic_numbers": numbers}, info=origin)


def rescale(bundle: Bundle, rescaling: Rescaling) -> Bundle:
    """Return the bundle with E_new(lam R) = s (E_old(R) - n E0) + n E0 to the precision of its weights."""
    lam = rescaling.length
    weights = dict(bundle.weights)
    factors = dict.fromkeys(_SCALED_UP, lam)
    factors["radial_embedding.bessel_fn.prefactor"] = lam
    factors["radial_embedding.bessel_fn.bessel_weights"] = 1 / lam
    factors[_SCALE] = factors[_SHIFT] = rescaling.energy
    for name, factor in factors.items():
        weights[name] = (weights[name].double() * factor).to(weights[name].dtype)
    return replace(bundle, weights=weights)


def fit_atomic_energy(bundle: Bundle, labelled: Sequence[tuple[Atoms, Label]], device: torch.device) -> Bundle:
    """Return the bundle with the E0 that makes its mean energy error on the labels zero; unchanged without labels."""
    if not labelled:
        return bundle
    structures = [atoms for atoms, _ in labelled]
    sizes = np.array([len(atoms) for atoms in structures])
    energies = np.array([label.energy for _, label in labelled])
    missing = (energies - predict([bundle], structures, device).energies[:, 0]) / sizes
    return with_atomic_energy(bundle, atomic_energy(bundle) + float(missing.mean()))


def fit_rescaling(
    committee: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    prior: Rescaling,
    device: torch.device,
) -> Rescaling:
    """Return the length ratio and energy scale that fit the labels best, one pair for the whole committee.

    Least squares of forces and energies of the committee's mean, with Gaussian priors at ``prior``: for a given length
    ratio the energy scale (and E0, free) follow in closed form; the length ratio is searched. Without labels the prior
    itself is returned.

    Args:
        committee: the source models.
        labelled: structures of the target with labels.
        prior: ratio of lattice constants and of cohesive energies.
        device: where to compute.
    """
    if not labelled:
        return prior

    def misfit(log_length: float) -> tuple[float, float]:
        lam = float(np.exp(log_length))
        said = predict(committee, [_shrunk(atoms, lam) for atoms, _ in labelled], device)
        energy, cost = _closed_form(said, committee, labelled, lam, prior.energy)
        return cost + ((log_length - np.log(prior.length)) / _LENGTH_PRIOR) ** 2, energy

    center = float(np.log(prior.length))
    found = minimize_scalar(
        lambda x: misfit(x)[0],
        bounds=(center - _SEARCH, center + _SEARCH),
        method="bounded",
        options={"xatol": _TOLERANCE},
    )
    return Rescaling(length=float(np.exp(found.x)), energy=misfit(found.x)[1])


def _shrunk(atoms: Atoms, lam: float) -> Atoms:
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array / lam)
    copy.positions = atoms.positions / lam
    return copy


def _closed_form(
    said: Predictions,
    committee: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    lam: float,
    prior_energy: float,
) -> tuple[float, float]:
    """Return the best energy scale for a length ratio, and the sum of squares it leaves."""
    sizes = np.array([len(atoms) for atoms, _ in labelled])
    e0 = np.array([atomic_energy(bundle) for bundle in committee])
    per_atom = (said.energies / sizes[:, None] - e0).mean(axis=1)
    forces = np.concatenate([part.mean(axis=0).ravel() for part in said.forces]) / lam
    wanted = np.concatenate([label.forces.ravel() for _, label in labelled])
    wanted_energy = np.array([label.energy for _, label in labelled]) / sizes
    rows = np.concatenate(
        [
            np.column_stack([forces, np.zeros_like(forces)]) / _FORCE_ERROR,
            np.column_stack([per_atom, np.ones_like(per_atom)]) / _ENERGY_ERROR,
            [[1 / _SCALE_PRIOR, 0.0]],
        ]
    )
    values = np.concatenate([wanted / _FORCE_ERROR, wanted_energy / _ENERGY_ERROR, [prior_energy / _SCALE_PRIOR]])
    solution = np.linalg.lstsq(rows, values, rcond=None)[0]
    return float(solution[0]), float(((rows @ solution - values) ** 2).sum())
