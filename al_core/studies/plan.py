"""What a study will take, told before it runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from al_core.config import MDStructures, StudyConfig
from al_core.elements import CRYSTALS
from al_core.studies.grid import chains, pairs, places

# one training step of one member of the default architecture on one core: measured on 8-atom cells
_STEP_S, _STEP_S_PER_ATOM = 0.03, 0.0016


@dataclass(frozen=True)
class Plan:
    """Counts and estimated cost of a study.

    Attributes:
        cells: places of the grid, both comparisons.
        committees: committees to train; a cell that counts in both comparisons is trained once.
        labels_least, labels_most: how many labels will be asked for, depending on how far the chains overlap.
        test_labels: labels of the test set, where it has none yet.
        label_core_hours: for ``labels_most`` and the test labels.
        training_core_hours: for all committees.
    """

    cells: int
    committees: int
    labels_least: int
    labels_most: int
    test_labels: int
    label_core_hours: float
    training_core_hours: float


def plan(config: StudyConfig, pool_sizes: Sequence[int], label_core_seconds: float) -> Plan:
    """Return the plan of a study.

    Args:
        config: the study.
        pool_sizes: number of atoms of each candidate.
        label_core_seconds: expected cost of one label.
    """
    largest = config.budgets[-1]
    most = min(len(pool_sizes), largest * len(chains(config)))
    test = 0
    if config.test.kind == "md":
        test = sum(part.count for part in config.test.slices)
    elif config.test.kind == "holdout":
        test = config.test.size
    atoms = sum(pool_sizes) / len(pool_sizes)
    per_budget = [
        config.training.steps * (_STEP_S + _STEP_S_PER_ATOM * atoms * min(budget, config.training.batch_size))
        for budget in config.budgets
    ]
    committees = len(pairs(config))
    return Plan(
        cells=len(places(config)) * len(config.budgets),
        committees=committees * len(config.budgets),
        labels_least=largest,
        labels_most=most,
        test_labels=test,
        label_core_hours=(most + test) * label_core_seconds / 3600,
        training_core_hours=committees * config.committee * sum(per_budget) / 3600,
    )


def sampled_sizes(settings: MDStructures, element: str) -> list[int]:
    """Return the number of atoms of each structure that will be sampled."""
    atoms = CRYSTALS[element].atoms_per_cell
    return [atoms * part.repeat**3 - part.vacancies for part in settings.slices for _ in range(part.count)]
