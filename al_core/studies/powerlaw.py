"""Power laws fitted to learning curves: error = a n^-b for n labels (C. Cortes et al., NeurIPS 6, 327 (1993))."""

from dataclasses import dataclass

import numpy as np

from al_core.studies.curves import SEEDS_FOR_A_CLAIM
from al_core.studies.inference import CONFIDENCE, Curves, resamples

_BUDGETS_FOR_A_FIT = 3


@dataclass(frozen=True)
class PowerLaw:
    """A power law, error = prefactor * labels^-exponent.

    Attributes:
        prefactor: the error with one label, in the unit of the errors.
        exponent: by how much the error falls: 0.5 halves it with four times the labels.
        interval: the 95 % interval of the exponent over seeds; None with fewer than three seeds.
        budgets: the numbers of labels it was fitted to, ascending.
        seeds: the seeds that have finished all of them.
    """

    prefactor: float
    exponent: float
    interval: tuple[float, float] | None
    budgets: tuple[int, ...]
    seeds: tuple[int, ...]

    def error(self, labels: float) -> float:
        """Return the error with a number of labels."""
        return float(self.prefactor * labels**-self.exponent)


def fit_power_law(curve: Curves, seed: int = 0) -> PowerLaw | None:
    """Return the power law of a learning curve; None with fewer than three budgets.

    Means over the seeds are fitted by least squares of logarithms. Seeds that lack a budget are left out. The interval
    is the percentile bootstrap over seeds: a seed's whole curve is drawn. With few seeds it is too narrow, and it knows
    nothing of whether the curve is a power law at all.

    Args:
        curve: {budget: {seed: error}}, errors above zero.
        seed: of the resampling, where there are more than six seeds.
    """
    budgets = tuple(sorted(curve))
    if len(budgets) < _BUDGETS_FOR_A_FIT:
        return None
    seeds = tuple(sorted(set.intersection(*(set(errors) for errors in curve.values()))))
    errors = np.array([[curve[budget][one] for one in seeds] for budget in budgets])  # [n_budgets, n_seeds]
    if not seeds or not (errors > 0).all():
        return None
    slope, intercept = map(float, _fit(budgets, errors.mean(axis=1)))
    interval = None
    if len(seeds) >= SEEDS_FOR_A_CLAIM:
        draws, weights = resamples(len(seeds), seed)
        exponents = -_fit(budgets, errors[:, draws].mean(axis=2))[0]
        order = np.argsort(exponents)
        shares = np.cumsum(weights[order]) / weights.sum()
        low, high = exponents[order[np.searchsorted(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])]]
        interval = (float(low), float(high))
    return PowerLaw(float(np.exp(intercept)), -slope, interval, budgets, seeds)


def _fit(budgets: tuple[int, ...], errors: np.ndarray) -> np.ndarray:
    """Return slope and intercept of the logarithm of errors, [n_budgets] or [n_budgets, m], over that of budgets."""
    return np.polynomial.polynomial.polyfit(np.log(budgets), np.log(errors), 1)[::-1]
