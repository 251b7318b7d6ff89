"""Survival of molecular dynamics: which share of the walkers is still stable after a time."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import CensoredData, binomtest, ecdf


@dataclass(frozen=True)
class Survival:
    """The share of walkers that are stable as a function of time: each value holds until the next time.

    Attributes:
        time_ps: from 0, ascending, [n].
        share: between 0 and 1, [n].
        low: lower end of the 95 % interval of the share, [n].
        high: its upper end, [n].
    """

    time_ps: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def survival(walks: Sequence[Mapping[str, Any]]) -> Survival:
    """Return the survival of walkers, which may have had different times, by Kaplan and Meier.

    E. L. Kaplan and P. Meier, J. Am. Stat. Assoc. 53, 457 (1958). A walker without a failure is censored: it was stable
    for as long as it was looked at. The interval is that of log(-log(share)) by Greenwood's variance, which is not
    defined while all are stable or once none is: there it is Wilson's, of the walkers that were looked at until then.

    Args:
        walks: of which each has ``time_ps`` and ``failure``, '' where it was stable to the end; at least one.
    """
    times = np.array([float(one["time_ps"]) for one in walks])
    failed = np.array([bool(one["failure"]) for one in walks])
    stable = ecdf(CensoredData(uncensored=times[failed], right=times[~failed])).sf
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.filterwarnings("ignore", message="The confidence interval is undefined")
        interval = stable.confidence_interval(method="log-log")
    low, high = interval.low.probabilities.copy(), interval.high.probabilities.copy()
    for number in np.flatnonzero(np.isnan(low) | np.isnan(high)):
        share = stable.probabilities[number]
        seen = int((times >= stable.quantiles[number]).sum()) if share else len(times)
        wilson = binomtest(round(share * seen), seen).proportion_ci(method="wilson")
        low[number], high[number] = wilson.low, wilson.high
    start = binomtest(len(times), len(times)).proportion_ci(method="wilson")
    return Survival(
        np.concatenate([[0.0], stable.quantiles]),
        np.concatenate([[1.0], stable.probabilities]),
        np.concatenate([[start.low], low]),
        np.concatenate([[start.high], high]),
    )


def stable_up_to(walks: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the highest temperature at which, and at all lower ones, every walker of every ensemble is stable, K.

    Args:
        walks: of which each has ``temperature_K`` and ``failure``.

    Returns:
        None where a walker fails at the lowest temperature, or where there are no walkers.
    """
    failing = {float(one["temperature_K"]) for one in walks if one["failure"]}
    first = min(failing, default=np.inf)
    return max((float(one["temperature_K"]) for one in walks if one["temperature_K"] < first), default=None)
