"""What labels will cost, learned from those that are finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_NOISE, _PRIOR = 0.15, 0.5  # expected standard deviation of log(seconds), and of an exponent from that of the estimate


@dataclass(frozen=True)
class Known:
    """A finished label.

    Attributes:
        estimate: what its labeler expected, core-seconds.
        factors: what the cost depends on, such as the number of electrons; all positive.
        seconds: what it took, core-seconds.
    """

    estimate: float
    factors: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class CostModel:
    """A labeler's estimate times a power of each factor, fitted to finished labels.

    Attributes:
        labels: how many it was fitted to; with none it is the estimate itself.
        error: typical relative error on these labels, 0.1 for 10 %.
    """

    labels: int
    error: float
    _bias: float
    _names: tuple[str, ...]
    _centre: np.ndarray
    _exponents: np.ndarray

    def seconds(self, estimate: float, factors: Mapping[str, float]) -> float:
        """Return the expected core-seconds of a label; arguments as in :class:`Known`."""
        away = np.log([factors[name] for name in self._names]) - self._centre
        return estimate * float(np.exp(self._bias + away @ self._exponents))


def learn(labels: Sequence[Known]) -> CostModel:
    """Fit a cost model by Bayesian ridge regression of log(seconds / estimate) on the logarithms of the factors.

    The exponents have a prior around those of the estimate, so that what the labels do not tell apart (all of one size,
    say) stays as estimated.
    """
    names = tuple(labels[0].factors) if labels else ()
    if not labels:
        return CostModel(0, 0.0, 0.0, names, np.zeros(0), np.zeros(0))
    logs = np.log([[known.factors[name] for name in names] for known in labels]).reshape(len(labels), len(names))
    ratios = np.log([known.seconds / known.estimate for known in labels])
    centre, bias = logs.mean(axis=0), float(ratios.mean())
    away = logs - centre
    penalty = (_NOISE / _PRIOR) ** 2 * np.eye(len(names))
    exponents = np.linalg.solve(away.T @ away + penalty, away.T @ (ratios - bias))
    left = ratios - bias - away @ exponents
    return CostModel(len(labels), float(np.sqrt(np.mean(left**2))), bias, names, centre, exponents)
