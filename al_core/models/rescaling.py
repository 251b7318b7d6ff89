"""The exact rescaling of a MACE model, and the fit of its three numbers.

With Bessel radial functions a model that sees only distances relative to its cutoff can be stretched: multiplying the
cutoffs by a length ratio ``lam`` (and the Bessel frequencies by 1/lam) gives E_new(lam R) = E_old(R), and the output
scale carries an energy factor ``s``. So a source potential becomes E(R) = s E_source(R / lam) + n E0, exactly, with one
length ratio and one energy factor for all elements of a compound: two lengths in one cutoff would not be exact.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers
from scipy.optimize import minimize_scalar

from al_core.config.target import Target, elements_of, sources_of
from al_core.models.bundle import Bundle
from al_core.models.engine.stack import E0, composition
from al_core.models.prediction import predict
from al_core.models.slicing import select_elements
from al_core.types import Label

# What a rescaled potential cannot describe, so that data and prior are weighed rightly. Forces are measured in the
# source's output scale (the root mean square force it was trained on), rescaled: soft metals have small ones.
_FORCE_ERROR, _RELATIVE_ERROR = 1 / 6, 0.2  # of that scale, and of the force on the atom
_ENERGY_ERROR = 1 / 6  # Å times that scale: a surface or a liquid against the crystal, not two snapshots of one phase
_STRESS_ERROR = 0.06  # 1/Å²: of a stress component, over that of the structure's force components
_INDEPENDENT = 8  # force components of one structure that count; the others are wrong along with them
_ENERGY_MISFIT = 0.05  # eV/atom: of a start whose E0s are fitted
_APART = 10.0  # eV: how far the E0s of elements may shift against each other, where compositions do not tell
_SEARCH = 0.10  # the length ratio is searched within this relative distance from the prior
_TOLERANCE = 2e-4
_ROUNDS = 3  # the errors are those of the energy scale found before,
_SAME_SCALE = 1.5  # until it changes by less than this factor
_SMALLEST_SCALE = 0.01  # that errors are measured in; labels can lead to a negative one

_SCALED_UP = ("r_max", "radial_embedding.bessel_fn.r_max", "radial_embedding.cutoff_fn.r_max")
_SCALE, _SHIFT = "scale_shift.scale", "scale_shift.shift"


@dataclass(frozen=True)
class Rescaling:
    """The numbers of a rescaling, and one standard deviation of each where they were fitted or guessed.

    Attributes:
        length: ratio of target to source lengths.
        energy: factor of the interaction energy.
        length_error, energy_error: of the two.
        atomic_energy_error: of the E0 that goes with them, eV; of several, of their mean over the labels' atoms.
    """

    length: float = 1.0
    energy: float = 1.0
    length_error: float = field(default=0.0, compare=False)
    energy_error: float = field(default=0.0, compare=False)
    atomic_energy_error: float | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, float | None]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def atomic_energies(bundle: Bundle) -> np.ndarray:
    """Return a bundle's E0 of each element, eV, [n_elements]."""
    return np.asarray(bundle.weights[E0].double().cpu().flatten().numpy())


def with_atomic_energies(bundle: Bundle, e0: np.ndarray) -> Bundle:
    """Return a copy of a bundle with another E0 of each element (eV, [n_elements]).

    In double precision: all-electron energies of an atom are so large that single precision has them to meV only.
    """
    weights = bundle.weights[E0]
    double = torch.as_tensor(e0, dtype=torch.float64, device=weights.device).reshape(weights.shape)
    return replace(bundle, weights={**bundle.weights, E0: double})


def with_scale(bundle: Bundle, scale: float) -> Bundle:
    """Return a copy of a bundle with another output scale (eV)."""
    return replace(bundle, weights={**bundle.weights, _SCALE: torch.full_like(bundle.weights[_SCALE], scale)})


def output_scale(bundle: Bundle) -> float:
    """Return a bundle's output scale, eV: in its own units of length, the root mean square force it was trained on."""
    return float(bundle.weights[_SCALE])


def relabel(bundle: Bundle, target: Target) -> Bundle:
    """Return the same potential as one of other elements; energies and forces are those of the source's elements.

    Raises:
        ValueError: the target does not say which of the source's elements becomes which.
    """
    sliced = select_elements(bundle, sources_of(target, bundle.elements))
    elements = elements_of(target)
    numbers = sliced.weights["atomic_numbers"].new_tensor([atomic_numbers[symbol] for symbol in elements])
    origin = {"source": {"elements": list(sliced.elements), "name": bundle.info.get("name", "")}}
    return replace(sliced, elements=elements, weights={**sliced.weights, "atomic_numbers": numbers}, info=origin)


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


def fit_atomic_energies(bundle: Bundle, labelled: Sequence[tuple[Atoms, Label]], device: torch.device) -> Bundle:
    """Return the bundle with each element's E0 fitted to the labels; unchanged without labels.

    Least squares of energies per atom: of one element, its mean error becomes zero. What structures of one composition
    do not tell, how the elements share their sum, stays near the bundle's own.
    """
    if not labelled:
        return bundle
    structures = [atoms for atoms, _ in labelled]
    sizes = np.array([len(atoms) for atoms in structures])
    energies = np.array([label.energy for _, label in labelled])
    missing = (energies - predict([bundle], structures, device).energies[:, 0]) / sizes
    rows = composition(structures, bundle.elements) / sizes[:, None] / _ENERGY_MISFIT
    apart = _apart(len(bundle.elements))
    wanted = np.concatenate([missing / _ENERGY_MISFIT, np.zeros(len(apart))])
    shift = np.linalg.lstsq(np.concatenate([rows, apart]), wanted, rcond=None)[0]
    return with_atomic_energies(bundle, atomic_energies(bundle) + shift)


def _apart(elements: int) -> np.ndarray:
    """Return the rows that hold shifts of E0 together, [n_elements, n_elements]; of one element there is nothing to."""
    return (np.eye(elements) - 1 / elements) / _APART


def fit_rescaling(
    committee: Sequence[Bundle],
    labelled: Sequence[tuple[Atoms, Label]],
    prior: Rescaling,
    device: torch.device,
) -> Rescaling:
    """Return the length ratio and energy scale that fit the labels best, one pair for the whole committee.

    Least squares of forces, energies and stresses of the committee's mean, with a Gaussian prior at ``prior``: for a
    given length ratio the energy scale (and each element's E0, free) follow in closed form; the length ratio is
    searched. Without labels the prior itself is returned. What a rescaled potential leaves grows with the force on an
    atom, and is wrong in the same way all over a structure (its phase, its density), so that a large structure counts
    no more than a small one. It is measured in the source's output scale times the energy scale, so that a soft target
    is fitted as a hard one. The errors are those of linearised least squares, widened where the misfit is larger than
    what a rescaled potential is expected to leave.

    Args:
        committee: the source models.
        labelled: structures of the target with labels.
        prior: what to expect of the two, with their errors.
        device: where to compute.
    """
    if not labelled:
        return prior
    energy = prior.energy
    for _ in range(_ROUNDS):
        assumed = max(energy, _SMALLEST_SCALE)
        misfit = _Misfit(committee, labelled, prior, assumed, device)
        log_length = misfit.minimum(float(np.log(prior.length)))
        energy = float(misfit.at(log_length)[0][0])
        if max(energy / assumed, assumed / energy if energy > 0 else np.inf) < _SAME_SCALE:
            break
    length = float(np.exp(log_length))
    errors = misfit.errors(log_length)
    return Rescaling(length, energy, length * errors[0], errors[1], errors[2])


class _Misfit:
    """Weighted residuals of a rescaled committee's mean on labels; the last rows are the priors."""

    def __init__(
        self,
        committee: Sequence[Bundle],
        labelled: Sequence[tuple[Atoms, Label]],
        prior: Rescaling,
        energy: float,
        device: torch.device,
    ) -> None:
        self._committee, self._device = committee, device
        unit = np.mean([output_scale(bundle) for bundle in committee]) * energy / prior.length  # eV/Å
        self._energy_error = _ENERGY_ERROR * unit
        self._widths = (prior.length_error / prior.length, prior.energy_error)  # of log length ratio and energy scale
        self._structures = [atoms for atoms, _ in labelled]
        self._sizes = np.array([len(atoms) for atoms, _ in labelled])
        self._shares = composition(self._structures, committee[0].elements) / self._sizes[:, None]
        self._e0 = np.array([self._shares @ atomic_energies(bundle) for bundle in committee]).T  # [n, K]
        self._apart = _apart(self._shares.shape[1])
        counting = np.minimum(_INDEPENDENT, 3 * self._sizes)
        strength = np.concatenate([np.linalg.norm(label.forces, axis=1) for _, label in labelled])
        variances = (_FORCE_ERROR * unit) ** 2 + (_RELATIVE_ERROR * strength) ** 2  # of a force component, by atom
        counted = np.repeat(counting / (3 * self._sizes), self._sizes)
        self._force_weights = np.repeat(np.sqrt(counted / variances), 3)
        self._stressed = np.array([label.stress is not None and all(atoms.pbc) for atoms, label in labelled])
        by_structure = [part.mean() for part in np.split(variances, np.cumsum(self._sizes)[:-1])]
        self._stress_weights = 1 / (_STRESS_ERROR * np.sqrt(by_structure))[self._stressed, None]
        stressed = [label.stress for (_, label), known in zip(labelled, self._stressed, strict=True) if known]
        stresses = np.array(stressed).reshape(-1, 6)
        self._observations = int(counting.sum()) + len(labelled) + stresses.size + 2
        self._wanted = np.concatenate(
            [
                np.concatenate([label.forces.ravel() for _, label in labelled]) * self._force_weights,
                np.array([label.energy for _, label in labelled]) / self._sizes / self._energy_error,
                (stresses * self._stress_weights).ravel(),
                np.zeros(len(self._apart)),
                [prior.energy / self._widths[1], np.log(prior.length) / self._widths[0]],
            ]
        )
        self._columns = cache(self._columns_at)  # errors are asked for where the search ended

    def _columns_at(self, log_length: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns of energy scale and E0s, [n_rows, 1 + n_elements], and what does not depend on them."""
        lam = float(np.exp(log_length))
        predicted = predict(self._committee, [_shrunk(atoms, lam) for atoms in self._structures], self._device)
        forces = np.concatenate([part.mean(axis=0).ravel() for part in predicted.forces]) / lam
        per_atom = (predicted.energies / self._sizes[:, None] - self._e0).mean(axis=1)
        stresses = predicted.stresses[self._stressed].mean(axis=1) / lam**3 * self._stress_weights
        scale = np.concatenate(
            [
                forces * self._force_weights,
                per_atom / self._energy_error,
                stresses.ravel(),
                np.zeros(len(self._apart)),
                [1 / self._widths[1], 0.0],
            ]
        )
        shifts = np.zeros((len(scale), self._shares.shape[1]))
        shifts[len(forces) : len(forces) + len(per_atom)] = self._shares / self._energy_error
        shifts[-2 - len(self._apart) : -2] = self._apart
        fixed = np.zeros(len(scale))
        fixed[-1] = log_length / self._widths[0]
        return np.column_stack([scale, shifts]), fixed

    def at(self, log_length: float) -> tuple[np.ndarray, float]:
        """Return the best energy scale and E0s for a length ratio, and the sum of squares they leave."""
        columns, fixed = self._columns(log_length)
        best = np.linalg.lstsq(columns, self._wanted - fixed, rcond=None)[0]
        return best, float(((columns @ best + fixed - self._wanted) ** 2).sum())

    def minimum(self, center: float) -> float:
        """Return the log of the length ratio that leaves the least, searched around a log of one."""
        found = minimize_scalar(
            lambda x: self.at(x)[1],
            bounds=(center - _SEARCH, center + _SEARCH),
            method="bounded",
            options={"xatol": _TOLERANCE},
        )
        return float(found.x)

    def errors(self, log_length: float) -> tuple[float, float, float]:
        """Return the standard deviations of log length ratio, energy scale and mean E0 (eV) at an optimum."""
        best, squares = self.at(log_length)
        ends = []
        for step in (_TOLERANCE, -_TOLERANCE):
            columns, fixed = self._columns(log_length + step)
            ends.append(columns @ best + fixed)
        columns, _ = self._columns(log_length)
        jacobian = np.column_stack([(ends[0] - ends[1]) / (2 * _TOLERANCE), columns])
        spread = max(1.0, squares / max(1, self._observations - 3))
        covariance = spread * np.linalg.inv(jacobian.T @ jacobian)
        mean = self._shares.mean(axis=0)
        variances = covariance[0, 0], covariance[1, 1], mean @ covariance[2:, 2:] @ mean
        length, energy, shift = np.sqrt(variances)
        return float(length), float(energy), float(shift)


def _shrunk(atoms: Atoms, lam: float) -> Atoms:
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array / lam)
    copy.positions = atoms.positions / lam
    return copy
