"""The structures whose labels would take most of the expected force error off the candidates, or a stated target.

The largest uncertainty is found at the strangest structure, whose label says little about the others. Here the
model is taken as linear in its weights around where they are, so that labels of one structure tell by how much the
uncertain forces of every other one shrink (integrated variance reduction: D. Cohn, Z. Ghahramani and M. Jordan,
J. Artif. Intell. Res. 4, 129 (1996); with gradient kernels of a network: D. Holzmüller et al., J. Mach. Learn. Res. 24,
164 (2023)). Structures are taken one after the other, each given those before it.

A label leaves half of the error that was expected of its structure: of a liquid, whose forces change most with the
weights, more than of a crystal. With the same error left of all, as :mod:`al_core.acquisition.max_det` has it, what is
strange is taken for what says most.
"""

from collections.abc import Iterable

import numpy as np

from al_core.acquisition.candidates import Candidates
from al_core.acquisition.posterior import covariance_given, noise, parts, scale_of, shown, slices, strengths
from al_core.config.acquisition import VarianceReductionAcquisition


def select(
    candidates: Candidates, k: int, rng: np.random.Generator, settings: VarianceReductionAcquisition
) -> list[int]:
    """Return the k candidates that reduce the mean force variance most, or most for their cost, the best first.

    The mean is over the target distribution, which is that of the candidates if none is stated.

    Raises:
        SelectionError: too few candidates, no features or one that is not finite, or no costs.
    """
    candidates.check(k)
    features, known = candidates.needed_features(settings.kind)
    costs = candidates.prices(settings.kind, settings.per_cost)
    if not len(features):
        return []
    target = features if candidates.target_features is None else candidates.target_features
    scale = scale_of(features)
    labelled = shown(known, candidates.labelled_components, scale) / strengths(known, scale) * known
    scales = shown(features, candidates.components, scale) / strengths(features, scale)
    search = _Search(features, scales, target, scale, labelled)
    chosen: list[int] = []
    for _ in range(k):
        gains = search.gains() / costs
        gains[chosen] = -np.inf
        chosen.append(int(np.argmax(gains)))
        search.take(chosen[-1])
    return chosen


class _Search:
    """The variances of all candidates' forces, and of the target's that go with them, as labels are taken.

    A label changes the covariance of the weights by a matrix of the rank of its rows, so that nothing but products with
    these rows is computed again.

    Args:
        features: of the candidates, [n, rows, dimensions].
        scales: what they are multiplied by for what a label shows, [n, 1, 1].
        target: features of the target distribution, [n_target, rows, dimensions].
        scale: turns these into forces, eV/Å.
        labelled: scaled rows of structures that have a label.
    """

    def __init__(
        self,
        features: np.ndarray,
        scales: np.ndarray,
        target: np.ndarray,
        scale: float,
        labelled: Iterable[np.ndarray],
    ) -> None:
        self._features, self._scales = features, scales
        count, rows, dimensions = features.shape
        covariance = covariance_given(dimensions, labelled)
        self._moment = np.zeros((dimensions, dimensions))
        for some in parts(target):
            flat = scale * some.reshape(-1, dimensions).astype(float)
            self._moment += flat.T @ flat / (len(target) * rows)
        self._seen = np.empty((count, rows, dimensions))  # rows times covariance
        self._own, self._everywhere = np.empty((count, rows, rows)), np.empty((count, rows, rows))
        for part in slices(count):
            own = scales[part] * features[part].astype(float)
            seen = own @ covariance
            self._seen[part] = seen
            self._own[part] = seen @ own.swapaxes(1, 2)
            self._everywhere[part] = seen @ self._moment @ seen.swapaxes(1, 2)

    def gains(self) -> np.ndarray:
        """Return by how much each candidate's label lowers the mean variance of the target, (eV/Å)^2, [n]."""
        noisy = self._own + noise(self._own.shape[1])
        return np.asarray(np.trace(np.linalg.solve(noisy, self._everywhere), axis1=1, axis2=2))

    def take(self, number: int) -> None:
        """Take a candidate's label."""
        rows, seen = self._scales[number] * self._features[number].astype(float), self._seen[number].copy()
        inverse = np.linalg.inv(self._own[number] + noise(len(rows)))
        there = self._moment @ seen.T
        for part in slices(len(self._seen)):
            shared = self._seen[part] @ rows.T  # covariances with the rows of the label
            weights = shared @ inverse
            across = (self._seen[part] @ there) @ weights.swapaxes(1, 2)
            self._own[part] -= weights @ shared.swapaxes(1, 2)
            self._everywhere[part] += weights @ (seen @ there) @ weights.swapaxes(1, 2) - across - across.swapaxes(1, 2)
            self._seen[part] -= weights @ seen
