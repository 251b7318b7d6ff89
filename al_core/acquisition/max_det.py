"""The structures about which the model knows least, given its labels and each other: the largest determinant.

The model is taken as linear in its weights, as in :mod:`al_core.acquisition.posterior`. What a structure's label tells
of the weights is half of ``log det(I + P / noise)``, P the covariance of its rows that is left after all labels and all
structures that were taken before it. Taking the largest is the greedy maximisation of the determinant of the kernel of
those taken; for one row a structure it takes the largest variance that is left ("MaxDet" in D. Holzmüller et al.,
J. Mach. Learn. Res. 24, 164 (2023); for blocks of rows A. Kirsch et al., BatchBALD, arXiv:1906.08158).
"""

from collections.abc import Iterable

import numpy as np

from al_core.acquisition.candidates import Candidates, first_of_largest
from al_core.acquisition.posterior import covariance_given, given, noise, scale_of, shown, slices
from al_core.config.acquisition import MaxDetAcquisition


def select(candidates: Candidates, k: int, rng: np.random.Generator, settings: MaxDetAcquisition) -> list[int]:
    """Return the k candidates that tell most of the weights, or most for their cost; of equals the earlier one.

    Raises:
        SelectionError: too few candidates, no features or one that is not finite, or no costs.
    """
    candidates.check(k)
    features, labelled = candidates.needed_features(settings.kind)
    costs = candidates.prices(settings.kind, settings.per_cost)
    if not len(features):
        return []
    scale = scale_of(features)
    known = shown(labelled, candidates.labelled_components, scale) * labelled
    left = _Left(features, shown(features, candidates.components, scale), known)
    chosen: list[int] = []
    for _ in range(k):
        scores = left.information() / costs
        scores[chosen] = -np.inf
        chosen.append(first_of_largest(scores))
        left.take(chosen[-1])
    return chosen


class _Left:
    """The covariances of every candidate's rows that labels leave, [n, rows, rows], as labels are taken.

    Args:
        features: of the candidates, [n, rows, dimensions].
        scales: what they are multiplied by for what a label shows, [n, 1, 1].
        labelled: scaled rows of structures that have a label.
    """

    def __init__(self, features: np.ndarray, scales: np.ndarray, labelled: Iterable[np.ndarray]) -> None:
        self._features, self._scales = features, scales
        count, rows, dimensions = features.shape
        self._covariance = covariance_given(dimensions, labelled)
        self._own = np.empty((count, rows, rows))
        for part in slices(count):
            own = scales[part] * features[part].astype(float)
            self._own[part] = own @ self._covariance @ own.swapaxes(1, 2)

    def information(self) -> np.ndarray:
        """Return twice what each label tells of the weights, nats, [n]."""
        left = noise(self._own.shape[1])
        determinants = np.linalg.slogdet(self._own + left)[1] - np.linalg.slogdet(left)[1]
        return np.asarray(determinants)

    def take(self, number: int) -> None:
        """Take a candidate's label."""
        rows = self._scales[number] * self._features[number].astype(float)
        seen = self._covariance @ rows.T
        inverse = np.linalg.inv(rows @ seen + noise(len(rows)))
        for part in slices(len(self._own)):
            shared = self._scales[part] * self._features[part].astype(float) @ seen  # covariances with the label's rows
            self._own[part] -= shared @ inverse @ shared.swapaxes(1, 2)
        self._covariance = given(self._covariance, rows)
