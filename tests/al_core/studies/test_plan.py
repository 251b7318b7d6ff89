"""The plan of a study: counts that can be worked out by hand, costs that grow with what causes them."""

from typing import Any

import pytest

from al_core.config.structures import MDStructures
from al_core.config.training import Architecture
from al_core.structures.sampling import crystals_like
from al_core.studies.plan import Plan, plan
from tests.helpers import study_config

SAMPLED = {
    "kind": "md",
    "slices": [
        {"name": "bulk", "count": 6, "temperature_K": 300},
        {"name": "vacancy", "count": 4, "temperature_K": 300, "vacancies": 1, "repeat": 2},
    ],
}


def planned(architecture: Architecture | None = None, label_core_seconds: float = 36.0, **changes: Any) -> Plan:
    settings = {
        "pool": SAMPLED,
        "test": {**SAMPLED, "seed": 1},
        "arms": ["scratch", "transfer", {"kind": "rescaled", "tuning": "plain"}],
        "acquisitions": ["random", "uncertainty"],
        "seeds": [0],
        "committee": 2,
        "training": {"steps": 100, "batch_size": 4},
    }
    config = study_config(**settings | changes)
    assert isinstance(config.pool, MDStructures)
    sizes = [len(atoms) for atoms in crystals_like(config.pool, config.target)]
    return plan(config, architecture or Architecture(), sizes, label_core_seconds)


def test_the_sizes_of_what_will_be_sampled() -> None:
    settings = MDStructures.model_validate(SAMPLED)
    assert [len(atoms) for atoms in crystals_like(settings, "Ge")] == [8] * 6 + [63] * 4
    assert [len(atoms) for atoms in crystals_like(settings, "Cu")] == [4] * 6 + [31] * 4


def test_counts() -> None:
    found = planned()
    assert found.cells == 2 * 2 * 3 * 2  # comparisons, acquisitions, arms, budgets
    assert found.committees == 9 * 2  # random 3; uncertainty 3 own, 2 shared, scratch on transfer's; 2 budgets
    assert (found.labels_least, found.labels_most) == (2, 8)  # 4 chains of 2 labels
    assert found.test_labels == 10
    assert found.label_core_hours == pytest.approx((8 + 10) * 36 / 3600)
    assert found.training_core_hours > 0


def test_no_more_labels_than_the_pool_has() -> None:
    assert planned(budgets=[1, 9]).labels_most == 10


def test_a_test_set_with_labels_costs_nothing() -> None:
    found = planned(test={"kind": "file", "path": "test.extxyz"})
    assert found.test_labels == 0
    assert found.label_core_hours == pytest.approx(8 * 36 / 3600)
    assert planned(pool={**SAMPLED}, test={"kind": "holdout", "size": 3}).test_labels == 3


def test_training_costs_grow_with_what_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    once = planned().training_core_hours
    assert planned(training={"steps": 200, "batch_size": 4}).training_core_hours == pytest.approx(2 * once)
    assert planned(committee=4).training_core_hours == pytest.approx(2 * once)
    assert planned(Architecture(channels=64)).training_core_hours == pytest.approx(2 * once)
    assert planned(Architecture(max_L=1)).training_core_hours > 1.5 * once
    assert planned(seeds=[0, 1]).training_core_hours == pytest.approx(2 * once)
    # a batch holds no more structures than there are labels
    assert planned(training={"steps": 100, "batch_size": 64}).training_core_hours == pytest.approx(once)
    assert planned(training={"steps": 100, "batch_size": 1}).training_core_hours < once
    # the most probable weights take a number of evaluations of all labels, whatever the steps and batches
    anchored = {"arms": [{"kind": "rescaled", "tuning": {"kind": "anchored", "evaluations": 60}}]}
    short, long = (planned(**anchored, training={"steps": steps, "batch_size": 1}) for steps in (100, 1000))
    assert short.training_core_hours == long.training_core_hours
    assert planned(**anchored, budgets=[1, 4]).training_core_hours > short.training_core_hours
    monkeypatch.setattr("al_core.config.training._MANY_LABELS", 1)
    assert planned(**anchored).training_core_hours == pytest.approx(short.training_core_hours / 3)
