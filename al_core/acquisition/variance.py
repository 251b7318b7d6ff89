"""The structures whose labels would take most of the expected force error off the whole pool, or a stated target.

The largest uncertainty is found at the strangest structure, whose label says little about the others. Here the
model is taken as linear in its weights around where they are, so that labels of one structure tell by how much the
uncertain forces of every other one shrink (integrated variance reduction: D. Cohn, Z. Ghahramani and M. Jordan,
J. Artif. Intell. Res. 4, 129 (1996); with gradient kernels of a network: D. Holzmüller et al., J. Mach. Learn. Res. 24,
164 (2023)). Structures are taken one after the other, each given those before it.
"""

import numpy as np

from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import VarianceReductionAcquisition
from al_core.errors import SelectionError

_EXPECTED = 0.10  # eV/Å; root mean square force error before there is a label
_LEFT = 0.05  # eV/Å; what no label takes away


def select(
    candidates: Candidates, k: int, rng: np.random.Generator, settings: VarianceReductionAcquisition
) -> list[int]:
    """Return the k candidates that reduce the mean force variance most, or most for their cost, the best first.

    The mean is over the target distribution, which is that of the candidates if none is stated.

    Raises:
        SelectionError: too few candidates, no gradient features or one that is not finite, or no costs.
    """
    candidates.check(k)
    if candidates.gradient_features is None:
        raise SelectionError("variance_reduction needs the gradient features of every candidate")
    costs = candidates.costs if settings.per_cost else np.ones(candidates.count)
    if costs is None:
        raise SelectionError("variance_reduction per cost needs the cost of every candidate's label")
    features = candidates.gradient_features
    if not np.isfinite(features).all():
        raise SelectionError("the gradient features are not finite for some candidates: the model has diverged")
    if not len(features):
        return []
    features = features.astype(float)
    scale = _EXPECTED / np.sqrt((features**2).sum(axis=2).mean())
    rows = scale * features
    covariance = np.eye(rows.shape[2])
    for labelled in candidates.labelled_features if candidates.labelled_features is not None else ():
        covariance = _given(covariance, scale * labelled.astype(float))
    target = rows if candidates.target_features is None else scale * candidates.target_features.astype(float)
    flat = target.reshape(-1, rows.shape[2])
    moment = flat.T @ flat / len(flat)
    chosen: list[int] = []
    for _ in range(k):
        gains = _gains(rows, covariance, moment) / costs
        gains[chosen] = -np.inf
        chosen.append(int(np.argmax(gains)))
        covariance = _given(covariance, rows[chosen[-1]])
    return chosen


def _gains(rows: np.ndarray, covariance: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Return by how much each candidate's label lowers the mean variance of the target, (eV/Å)^2."""
    seen = rows @ covariance
    own = seen @ rows.swapaxes(1, 2) + _LEFT**2 * np.eye(rows.shape[1])
    everywhere = seen @ moment @ seen.swapaxes(1, 2)
    return np.asarray(np.trace(np.linalg.solve(own, everywhere), axis1=1, axis2=2))


def _given(covariance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the covariance of the weights once the forces behind some rows are known."""
    seen = covariance @ rows.T
    own = rows @ seen + _LEFT**2 * np.eye(len(rows))
    return np.asarray(covariance - seen @ np.linalg.solve(own, seen.T))
