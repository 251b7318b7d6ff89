"""Learning curves: an error's mean over seeds and its spread, against the number of labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from al_core.studies.results import SIGNED_METRICS, Row

SEEDS_FOR_A_CLAIM = 3

SpreadKind = Literal["none", "range", "t95"]
SeedValues = dict[str, dict[int, dict[int, float]]]


@dataclass(frozen=True)
class Spread:
    """How far the values of several seeds lie apart.

    Attributes:
        low, high: the ends, in the unit of the values.
        kind: ``none`` (one seed: both ends are its value), ``range`` (two seeds: smallest to largest) or
            ``t95`` (three seeds or more: 95 % confidence interval of the mean).
    """

    low: float
    high: float
    kind: SpreadKind


@dataclass(frozen=True)
class Point:
    """One budget of a learning curve.

    Attributes:
        budget_labels: number of training labels.
        seeds: the finished seeds, ascending.
        values: [n_seeds] the metric of each seed, in the unit its name ends with.
        mean: arithmetic mean of ``values``.
        spread: see :class:`Spread`; its lower end is cut at zero, because an error is not negative.
    """

    budget_labels: int
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: float
    spread: Spread


@dataclass(frozen=True)
class Curve:
    """The learning curve of one arm; ``points`` are in order of increasing budget."""

    arm: str
    points: tuple[Point, ...]

    def at(self, budget_labels: int) -> Point | None:
        """Return the point of a budget, or None where no cell is finished."""
        return next((point for point in self.points if point.budget_labels == budget_labels), None)


def spread_of(values: Sequence[float]) -> Spread:
    """Return the spread of one value per seed.

    Args:
        values: [n_seeds] in any unit.

    Returns:
        From three values on, mean ± t(0.975, n - 1) s / sqrt(n) with the sample standard deviation s (Student, 1908),
        which takes the values as normally distributed; with fewer, smallest to largest.
    """
    n = len(values)
    if n < SEEDS_FOR_A_CLAIM:
        return Spread(min(values), max(values), "none" if n == 1 else "range")
    mean = float(np.mean(values))
    half_width = float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / np.sqrt(n))
    return Spread(mean - half_width, mean + half_width, "t95")


def rises(curve: Curve) -> list[tuple[Point, Point]]:
    """Return the neighbouring points between which an error grows with more labels.

    Of the seeds that have both: the 95 % t interval of the differences is above zero; of one or two, every difference.
    """
    found = []
    for fewer, more in pairwise(curve.points):
        before, after = (
            dict(zip(fewer.seeds, fewer.values, strict=True)),
            dict(zip(more.seeds, more.values, strict=True)),
        )
        differences = [after[seed] - before[seed] for seed in after if seed in before]
        if differences and spread_of(differences).low > 0:
            found.append((fewer, more))
    return found


def seed_values(
    rows: Iterable[Row], comparison: str, acquisition: str, metric: str, slice_name: str = "all"
) -> SeedValues:
    """Return {arm: {budget: {seed: value}}} of the finished cells that have this metric on this slice.

    Args:
        rows: the finished cells.
        comparison: ``shared`` or ``own``.
        acquisition: the acquisition's name.
        metric: a name of ``al_core.studies.results.METRICS``; the values have the unit it ends with.
        slice_name: a test slice; ``all`` is their mean.
    """
    values: SeedValues = {}
    for row in rows:
        if (row.comparison, row.acquisition) != (comparison, acquisition):
            continue
        value = row.metrics.get(slice_name, {}).get(metric)
        if value is not None:
            values.setdefault(row.arm, {}).setdefault(row.budget, {})[row.seed] = value
    return values


def learning_curves(
    rows: Iterable[Row], comparison: str, acquisition: str, metric: str, slice_name: str = "all"
) -> tuple[Curve, ...]:
    """Return one learning curve per arm, in the order in which the arms appear; arguments as :func:`seed_values`."""
    values = seed_values(rows, comparison, acquisition, metric, slice_name)
    return tuple(
        Curve(arm, tuple(_point(budget, budgets[budget], metric in SIGNED_METRICS) for budget in sorted(budgets)))
        for arm, budgets in values.items()
    )


def _point(budget: int, by_seed: dict[int, float], signed: bool) -> Point:
    seeds = tuple(sorted(by_seed))
    values = tuple(by_seed[seed] for seed in seeds)
    spread = spread_of(values)
    low = spread.low if signed else max(spread.low, 0.0)
    return Point(budget, seeds, values, float(np.mean(values)), Spread(low, spread.high, spread.kind))
