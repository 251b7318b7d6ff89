"""What a transfer was worth: labels saved at equal error, and where it did harm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from al_core.studies.curves import Spread, seed_values, spread_of
from al_core.studies.results import Row


@dataclass(frozen=True)
class Reach:
    """The number of labels at which a learning curve reaches an error.

    Attributes:
        labels: the number, not rounded; where ``bound`` is set, the end of the curve it refers to.
        bound: ``""`` for a value; ``>`` where the curve never reaches the error within its budgets; ``<=`` where its
            first budget is already there.
    """

    labels: float
    bound: Literal["", ">", "<="] = ""


@dataclass(frozen=True)
class LabelsSaved:
    """How many labels the baseline needs for the error an arm has with ``budget_labels``.

    Attributes:
        arm: the arm.
        budget_labels: the arm's number of labels, N.
        arm_error: its mean error at N over ``seeds``, in the unit the metric's name ends with.
        baseline: the labels the baseline's mean learning curve over the same seeds needs for it.
        seeds: the seeds both have finished.
        by_seed: [n_seeds] the same from each seed's own two curves.
    """

    arm: str
    budget_labels: int
    arm_error: float
    baseline: Reach
    seeds: tuple[int, ...]
    by_seed: tuple[Reach, ...]

    @property
    def ratio(self) -> float:
        """Labels of the baseline per label of the arm, above 1 saves labels; ``baseline.bound`` holds for it too."""
        return self.baseline.labels / self.budget_labels


@dataclass(frozen=True)
class TransferDifference:
    """Error of an arm minus error of the baseline, trained on the same labels.

    Attributes:
        arm: the arm.
        budget_labels: the number of labels.
        seeds: the seeds both have finished.
        mean_difference: mean over seeds, in the unit the metric's name ends with; positive is worse than the baseline.
        spread: of the differences over seeds.
        seeds_worse: number of seeds in which the arm is worse.
        log_ratios: [n_seeds] logarithm of the arm's error over the baseline's, of each seed: what verdicts are made of,
            as errors of few labels lie factors apart. None where an error is zero.
    """

    arm: str
    budget_labels: int
    seeds: tuple[int, ...]
    mean_difference: float
    spread: Spread
    seeds_worse: int
    log_ratios: tuple[float, ...]

    @property
    def negative(self) -> bool:
        """Whether the transfer is negative: the arm is worse in the mean."""
        return self.mean_difference > 0


def labels_to_reach(error: float, budgets: Sequence[float], errors: Sequence[float]) -> Reach:
    """Return the number of labels at which a learning curve first reaches an error.

    The curve is its running minimum (more labels need not be used), linear in log(error) over log(labels), as learning
    curves follow power laws (Cortes et al., NeurIPS 1993).

    Args:
        error: the error to reach, in the unit of ``errors``.
        budgets: [n] numbers of labels, ascending, at least one; or what they cost.
        errors: [n] the curve's errors.
    """
    envelope = np.minimum.accumulate(np.asarray(errors, dtype=float))
    reached = np.flatnonzero(envelope <= error)
    if not len(reached):
        return Reach(float(budgets[-1]), ">")
    last = int(reached[0])
    if last == 0:
        return Reach(float(budgets[0]), "<=")
    smallest = np.finfo(float).tiny
    log_target, log_before, log_after = np.log(np.maximum([error, envelope[last - 1], envelope[last]], smallest))
    share = (log_target - log_before) / (log_after - log_before)
    return Reach(float(budgets[last - 1] * (budgets[last] / budgets[last - 1]) ** share))


def labels_saved(
    rows: Iterable[Row],
    comparison: str,
    acquisition: str,
    metric: str,
    slice_name: str = "all",
    baseline: str = "scratch",
) -> tuple[LabelsSaved, ...]:
    """Return the labels saved at equal error by every arm at every budget.

    Only seeds count that the arm and the baseline at all of its budgets have finished, as in
    :func:`al_core.studies.inference.efficiency`.

    Args:
        rows, comparison, acquisition, metric, slice_name: as in :func:`al_core.studies.curves.seed_values`.
        baseline: the name of the arm to compare with.
    """
    values = seed_values(rows, comparison, acquisition, metric, slice_name)
    reference = values.pop(baseline, {})
    known = set.intersection(*map(set, reference.values())) if reference else set()
    found = []
    for arm, budgets in values.items():
        for budget, errors in sorted(budgets.items()):
            seeds = tuple(sorted(known & set(errors)))
            reach = _reach(errors, reference, seeds)
            if reach is None:
                continue
            by_seed = tuple(one for seed in seeds if (one := _reach(errors, reference, (seed,))))
            found.append(LabelsSaved(arm, budget, _mean(errors, seeds), reach, seeds, by_seed))
    return tuple(found)


def transfer_differences(
    rows: Iterable[Row],
    acquisition: str,
    metric: str,
    slice_name: str = "all",
    baseline: str = "scratch",
) -> tuple[TransferDifference, ...]:
    """Return the seed-paired differences to the baseline of every arm at every budget, on shared label sets.

    Args:
        rows, acquisition, metric, slice_name: as in :func:`al_core.studies.curves.seed_values`.
        baseline: the name of the arm to compare with.
    """
    values = seed_values(rows, "shared", acquisition, metric, slice_name)
    reference = values.pop(baseline, {})
    found = []
    for arm, budgets in values.items():
        for budget, errors in sorted(budgets.items()):
            other = reference.get(budget, {})
            seeds = tuple(sorted(set(errors) & set(other)))
            if not seeds:
                continue
            differences = [errors[seed] - other[seed] for seed in seeds]
            worse = sum(difference > 0 for difference in differences)
            mean = float(np.mean(differences))
            spread = spread_of(differences)
            both = [(errors[seed], other[seed]) for seed in seeds]
            ratios = tuple(log(own / its) for own, its in both) if np.all(both) else ()
            found.append(TransferDifference(arm, budget, seeds, mean, spread, worse, ratios))
    return tuple(found)


def _mean(errors: dict[int, float], seeds: Sequence[int]) -> float:
    return float(np.mean([errors[seed] for seed in seeds]))


def _reach(errors: dict[int, float], reference: dict[int, dict[int, float]], seeds: Sequence[int]) -> Reach | None:
    """Return where the reference's mean curve over ``seeds`` reaches their mean error, None without a common point."""
    budgets = [budget for budget in sorted(reference) if set(seeds) <= set(reference[budget])]
    if not seeds or not budgets:
        return None
    return labels_to_reach(_mean(errors, seeds), budgets, [_mean(reference[budget], seeds) for budget in budgets])
