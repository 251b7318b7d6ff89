"""How errors on one sort of structures depend on the sort that was trained on: temperatures, say, or phases."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from al_core.studies.results import Row

_EVERYTHING = "all slices"


@dataclass(frozen=True)
class TransferMatrix:
    """Errors of an arm by what it was trained on and what it was tested on.

    Attributes:
        arm: its name.
        budget: number of labels.
        trained_on: the slices that each acquisition selected from, in words.
        trained_slices: their names; none where it selected from all.
        tested_on: the test slices.
        errors: [n_trained, n_tested], mean over seeds, in the unit the metric's name ends with.
        seeds: those that have finished with every acquisition.
    """

    arm: str
    budget: int
    trained_on: tuple[str, ...]
    trained_slices: tuple[tuple[str, ...], ...]
    tested_on: tuple[str, ...]
    errors: np.ndarray
    seeds: tuple[int, ...]


def acquisition_slices(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return what each acquisition of a study selects from, by its name; nothing where all select from all.

    Args:
        config: the study's config, as :attr:`al_core.studies.results.StudyResults.config` has it.
    """
    found = {
        str(one.get("name") or one["kind"]): tuple(one.get("slices", ())) for one in config.get("acquisitions", ())
    }
    return found if any(found.values()) else {}


def transfer_matrix(
    rows: Iterable[Row],
    slices: Mapping[str, tuple[str, ...]],
    comparison: str,
    arm: str,
    budget: int,
    metric: str = "force_mae_meV_per_A",
) -> TransferMatrix | None:
    """Return the errors of an arm; None where no seed has finished with every acquisition.

    Args:
        rows: the finished cells.
        slices: what each acquisition selects from, see :func:`acquisition_slices`.
        comparison: ``shared`` or ``own``.
        arm: its name.
        budget: number of labels.
        metric: a name of ``al_core.studies.results.METRICS``.
    """
    metrics: dict[str, dict[int, dict[str, dict[str, float]]]] = {name: {} for name in slices}
    for row in rows:
        if (row.comparison, row.arm, row.budget) == (comparison, arm, budget) and row.acquisition in metrics:
            metrics[row.acquisition][row.seed] = row.metrics
    seeds = sorted(set.intersection(*(set(found) for found in metrics.values()))) if metrics else []
    if not seeds:
        return None
    tested = [name for name in next(iter(metrics.values()))[seeds[0]] if name != "all"]
    errors = [[np.mean([found[seed][name][metric] for seed in seeds]) for name in tested] for found in metrics.values()]
    return TransferMatrix(
        arm, budget, _in_words(slices), tuple(slices.values()), tuple(tested), np.array(errors), tuple(seeds)
    )


def _in_words(slices: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the slices of each acquisition, with its name where several select from the same."""
    words = [", ".join(some) or _EVERYTHING for some in slices.values()]
    return tuple(
        word if words.count(word) == 1 else f"{word} ({name})" for word, name in zip(words, slices, strict=True)
    )
