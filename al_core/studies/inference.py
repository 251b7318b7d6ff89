"""What may be claimed over seeds: intervals of label ratios, verdicts, corrections for many.

Everything is paired: a seed has its own label draws, source committee and weights, and both sides of a comparison have
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Literal

import numpy as np
from scipy.stats import nct, t

from al_core.studies.statistics import Reach, labels_to_reach

_RESAMPLES = 1000
_ALL_UP_TO = 6  # seeds: all resamples are looked at, 462 of six
CONFIDENCE = 0.95
_POWER = 0.8
_MOST_SEEDS = 1000

Verdict = Literal["improved", "harmed", "undecided"]
Curves = Mapping[int, Mapping[int, float]]  # budget -> seed -> error


@dataclass(frozen=True)
class Efficiency:
    """How many labels the baseline needs for each label of an arm, at the arm's error.

    Attributes:
        budget_labels: the arm's number of labels.
        ratio: of the mean learning curves over all seeds; its ``bound`` says where the baseline's curve ends first.
        low, high: the 95 % interval over seeds, bounds likewise.
        seeds: the seeds both have finished.
    """

    budget_labels: int
    ratio: Reach
    low: Reach
    high: Reach
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Paired:
    """A paired comparison over seeds.

    Attributes:
        mean: of the differences, arm minus baseline.
        low, high: the 95 % t interval of the mean; infinite with one seed.
        p: of the two-sided paired t test; 1 with one seed.
        seeds_needed: how many seeds would show such a difference in four studies of five; None where it is zero,
            or beyond 1,000.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds_needed: int | None

    @property
    def verdict(self) -> Verdict:
        """Whether errors are smaller, larger, or neither is shown."""
        return "improved" if self.high < 0 else "harmed" if self.low > 0 else "undecided"


def efficiency(
    arm: Curves, baseline: Curves, budget: int, seed: int = 0, paid: tuple[Curves, Curves] | None = None
) -> Efficiency | None:
    """Return the data-efficiency ratio of an arm at a budget; None where no seed has finished both sides.

    The baseline's mean curve is interpolated in logarithms (:func:`~al_core.studies.statistics.labels_to_reach`). The
    interval is the percentile bootstrap over seeds, both sides of a seed drawn together. A resample whose baseline does
    not get there counts as larger than all others, one whose baseline begins there as smaller: an end of the interval
    among them is a bound. With few seeds such an interval is too narrow.

    Args:
        arm, baseline: {budget: {seed: error}}.
        budget: the arm's number of labels.
        seed: of the resampling, where there are more than six seeds; up to six all resamples are looked at.
        paid: what arm and baseline have paid for their labels, {budget: {seed: price}}: the ratio is of these then.
    """
    errors = arm.get(budget, {})
    common = set(errors).intersection(*baseline.values()) if baseline else set()
    if not common:
        return None
    seeds, budgets = tuple(sorted(common)), sorted(baseline)
    own = np.array([errors[one] for one in seeds])
    other = np.array([[baseline[number][one] for one in seeds] for number in budgets])
    price, prices = np.full(len(seeds), float(budget)), np.repeat(np.array(budgets)[:, None], len(seeds), axis=1)
    if paid is not None:
        price = np.array([paid[0][budget][one] for one in seeds])
        prices = np.array([[paid[1][number][one] for one in seeds] for number in budgets])

    def reach(drawn: np.ndarray) -> Reach:
        curve = prices[:, drawn].mean(axis=1), other[:, drawn].mean(axis=1)
        found = labels_to_reach(float(own[drawn].mean()), *map(list, curve))
        return Reach(found.labels / price[drawn].mean(), found.bound)

    draws, weights = resamples(len(seeds), seed)
    found = [reach(drawn) for drawn in draws]
    order = sorted(range(len(found)), key=lambda number: _position(found[number]))
    shares = np.cumsum(weights[order]) / weights.sum()
    ends = np.searchsorted(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = (found[order[end]] for end in ends)
    return Efficiency(budget, reach(np.arange(len(seeds))), low, high, seeds)


def resamples(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return resamples of n things, [m, n], and how often each comes: all there are, or many at random."""
    if n > _ALL_UP_TO:
        return np.random.default_rng(seed).integers(n, size=(_RESAMPLES, n)), np.ones(_RESAMPLES)
    draws = np.array(list(combinations_with_replacement(range(n), n)))
    counts = [[factorial(count) for count in np.bincount(drawn)] for drawn in draws]
    return draws, np.array([factorial(n) / prod(one) for one in counts])


def _position(reach: Reach) -> tuple[int, float]:
    return {"<=": -1, "": 0, ">": 1}[reach.bound], reach.labels


def paired(differences: Sequence[float]) -> Paired:
    """Return what differences of the same seeds show (Student, 1908).

    Args:
        differences: [n_seeds] arm minus baseline, of an error.
    """
    values = np.asarray(differences, dtype=float)
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Paired(mean, -np.inf, np.inf, 1.0, None)
    deviation = float(values.std(ddof=1))
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation / n**0.5
    if deviation == 0:
        return Paired(mean, mean, mean, 1.0 if mean == 0 else 0.0, None if mean == 0 else 2)
    p = 2 * float(t.sf(abs(mean) / deviation * n**0.5, n - 1))
    return Paired(mean, mean - half, mean + half, p, _seeds_needed(abs(mean) / deviation))


def _seeds_needed(effect: float) -> int | None:
    """Return the least number of pairs whose t test finds an effect (in standard deviations) with the power wanted."""
    for n in range(2, _MOST_SEEDS + 1):
        critical = t.ppf((1 + CONFIDENCE) / 2, n - 1)
        if effect > 0 and nct.sf(critical, n - 1, effect * n**0.5) >= _POWER:
            return n
    return None


def verdicts(differences: Sequence[Sequence[float]]) -> list[Verdict]:
    """Return the verdict of each of several comparisons, corrected for their number."""
    found = [paired(one) for one in differences]
    corrected = holm({str(number): one.p for number, one in enumerate(found)})
    shown = [corrected[str(number)] <= 1 - CONFIDENCE for number in range(len(found))]
    return [one.verdict if safe else "undecided" for one, safe in zip(found, shown, strict=True)]


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p values corrected for their number (Holm, Scand. J. Statist. 6, 65 (1979)): none may be by chance."""
    corrected, largest = {}, 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda one: one[1])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}
