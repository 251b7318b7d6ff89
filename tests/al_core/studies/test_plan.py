"""The plan of a study: counts that can be worked out by hand, costs that grow with what causes them."""

from typing import Any

import pytest

from al_core.config.sources import PretrainConfig
from al_core.config.structures import MDStructures
from al_core.config.training import Architecture
from al_core.structures.sampling import crystals_like
from al_core.studies.plan import GrowthPlan, Plan, SourcePlan, growth_plan, plan, source_plan
from tests.helpers import growth_config, study_config

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


def test_a_source_costs_its_labels_and_all_steps_of_its_models() -> None:
    settings = {
        "element": "Si",
        "structures": SAMPLED,
        "labeler": "stillinger_weber",
        "committee": 2,
        "training": {"steps": 500, "batch_size": 4},
    }

    def source(label_core_seconds: float = 36.0, **changes: Any) -> SourcePlan:
        return source_plan(PretrainConfig.model_validate(settings | changes), [8] * 10, label_core_seconds)

    once = source()
    assert (once.labels, once.label_core_hours) == (10, pytest.approx(0.1))
    assert source(committee=4).training_core_hours == pytest.approx(2 * once.training_core_hours)
    larger = source(training={"steps": 1000, "batch_size": 4})
    assert larger.training_core_hours == pytest.approx(2 * once.training_core_hours)
    assert source(model={"channels": 64}).training_core_hours > once.training_core_hours
    given = source(0.0, structures={"kind": "file", "path": "labelled.xyz"}, labeler=None)
    assert given.labels == given.label_core_hours == 0


def test_properties_cost_what_is_measured_of_which_committees() -> None:
    lattice, walks = {"kind": "lattice"}, {"kind": "stability", "temperatures_K": [300], "ensembles": ["nvt"]}

    def hours(*evaluations: Any, **changes: Any) -> float:
        return planned(evaluations=["errors", *evaluations], **changes).properties_core_hours

    assert hours() == 0
    assert hours(lattice, walks) == pytest.approx(hours(lattice) + hours(walks))
    assert hours(walks, property_budgets=[2]) == pytest.approx(hours(walks) / 2)
    assert hours(walks, seeds=[0, 1]) == pytest.approx(2 * hours(walks))
    assert hours({**walks, "temperatures_K": [300, 900]}) == pytest.approx(2 * hours(walks))
    assert hours({**walks, "supercell": 4}) == pytest.approx(8 * hours(walks))
    assert hours({**walks, "first_member": True}) == pytest.approx(hours(walks) / 2)
    for kind in ("elastic", "phonons", "defects", "surfaces", "structure"):
        assert hours({"kind": kind}) > 0
        assert hours({"kind": kind}, committee=4) == pytest.approx(2 * hours({"kind": kind}))


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
    assert planned(budgets=[1, 6], test={"kind": "holdout", "size": 3}).labels_most == 7, "three are held out"


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
    monkeypatch.setitem(anchored["arms"][0]["tuning"], "batches_from", 1)
    assert planned(**anchored).training_core_hours == pytest.approx(short.training_core_hours / 3)


# ---- of a growth ----------------------------------------------------------------------------------------------------


def grown(
    architecture: Architecture | None = None,
    sizes: tuple[int, ...] = (8, 16),
    label: float = 36.0,
    simulated: int = 216,
    **changes: Any,
) -> GrowthPlan:
    arm = {"kind": "rescaled", "tuning": "plain"}
    settings = {"labels": 8, "batch": 4, "drawn": 2, "arm": arm, "training": {"steps": 100, "batch_size": 4}}
    return growth_plan(growth_config(**settings | changes), architecture or Architecture(), sizes, simulated, label)


def test_a_growth_has_a_round_more_than_batches() -> None:
    assert grown().rounds == 3
    assert grown(labels=9).rounds == 4
    assert grown(labels=2).rounds == 2


def test_all_labels_of_a_growth_are_paid() -> None:
    assert grown().label_core_hours == pytest.approx(8 * 36 / 3600)
    assert grown(label=72.0, labels=3).label_core_hours == pytest.approx(3 * 72 / 3600)


def test_the_cross_validation_is_trained_too() -> None:
    """Rounds of 4 and 8 labels, of which 4 and 6 are drawn: four parts each, five committees, on batches of four."""
    one_label = grown(drawn=1, labels=1, batch=1).training_core_hours / 2  # one committee and one part
    once = grown(labels=4).training_core_hours / 5
    assert once > one_label
    assert grown().training_core_hours == pytest.approx(2 * 5 * once)
    assert grown(drawn=1, labels=16).training_core_hours == pytest.approx(4 * 5 * once), "the first is drawn in whole"
    two, three = (grown(drawn=1, labels=n, batch=1).training_core_hours for n in (1, 2))
    assert three - two > 1.4 * two, "a part for each drawn label: two committees, then three, of more labels"
    assert grown(committee=4).training_core_hours == pytest.approx(2 * grown().training_core_hours)
    assert grown(training={"steps": 300, "batch_size": 4}).training_core_hours == pytest.approx(3 * 2 * 5 * once)


def test_walkers_cost_by_their_atoms_steps_and_rounds() -> None:
    once = grown().walking_core_hours
    assert grown(sizes=(8, 16, 24)).walking_core_hours == pytest.approx(2 * once), "walkers, not their mean"
    assert grown(labels=20).walking_core_hours == pytest.approx(2 * once), "six rounds, not three"
    assert grown(exploration={"picoseconds": 2.0}).walking_core_hours == pytest.approx(2 * once)
    assert grown(exploration={"timestep_fs": 1.0}).walking_core_hours == pytest.approx(2 * once)
    assert grown(committee=4).walking_core_hours == pytest.approx(2 * once)
    assert grown(Architecture(channels=64)).walking_core_hours == pytest.approx(2 * once)


def test_the_dynamics_at_the_end_are_of_one_model() -> None:
    found = grown()
    assert found.simulated_atoms == 216
    once = found.simulation_core_hours
    assert once > 0
    assert grown(committee=4).simulation_core_hours == pytest.approx(once), "what is exported is one"
    longer = grown(purpose={"picoseconds": 40.0, "temperatures_K": [300, 600, 900]})
    assert longer.simulation_core_hours == pytest.approx(3 * once)
    assert grown(simulated=8 * 216).simulation_core_hours == pytest.approx(8 * once)
    assert grown(labels=20).simulation_core_hours == pytest.approx(once)
