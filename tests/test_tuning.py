"""Ways of training on few labels: what each leaves alone, what it holds, and what happens to a member that diverges."""

from typing import Any

import numpy as np
import pytest
import torch

from al_core.config import (
    AnchoredTuning,
    AnyTuning,
    FrozenTuning,
    LowRankTuning,
    PlainTuning,
    RehearsedTuning,
    SelectedTuning,
    Training,
)
from al_core.errors import TrainingError
from al_core.models.arms import ARMS
from al_core.models.bundle import Bundle
from al_core.models.engine import stack
from al_core.models.prediction import predict
from al_core.models.training import train
from al_core.models.tuning import tuning

STEPS = Training(steps=25, batch_size=4)
WAYS: list[AnyTuning] = [
    PlainTuning(),
    AnchoredTuning(strength=10.0),
    FrozenTuning(free="readouts"),
    FrozenTuning(free="products"),
    LowRankTuning(rank=2),
    RehearsedTuning(strength=1.0, structures=4),
]


def _tuned(source: Any, labelled: Any, way: AnyTuning, cpu: Any, unlabelled: Any = (), **changes: Any) -> list[Bundle]:
    settings = STEPS.model_copy(update=changes)
    found = train(source, labelled, settings, 0.01, 0, cpu, way=way, unlabelled=unlabelled)
    assert all(bundle is not None for bundle in found)
    return [bundle for bundle in found if bundle is not None]


def _moved(before: Bundle, after: Bundle) -> dict[str, float]:
    """Return how far each weight moved, relative to its size."""
    names = [name for name, value in before.weights.items() if value.is_floating_point() and value.numel()]
    return {
        name: float((after.weights[name] - before.weights[name]).norm() / (before.weights[name].norm() + 1e-12))
        for name in names
    }


def _force_error(committee: Any, labelled: Any, cpu: Any) -> float:
    said = predict(committee, [atoms for atoms, _ in labelled], cpu)
    errors = [forces.mean(0) - label.forces for forces, (_, label) in zip(said.forces, labelled, strict=True)]
    return float(np.abs(np.concatenate(errors)).mean())


@pytest.fixture(scope="module", name="source")
def transferred(source: Any, ge_labelled: Any, cpu: Any) -> Any:
    """The source committee as one of germanium, with its atomic energy."""
    return ARMS["transfer"](source, ge_labelled, "Ge", 0, cpu)


@pytest.fixture(scope="module")
def pool(crystals: Any) -> Any:
    return crystals("Ge", 6, seed=17)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(str(part) for part in way.model_dump().values()))
def test_every_way_learns_and_is_recorded(source: Any, ge_labelled: Any, cpu: Any, pool: Any, way: AnyTuning) -> None:
    tuned = _tuned(source, ge_labelled, way, cpu, pool)
    assert _force_error(tuned, ge_labelled, cpu) < _force_error(source, ge_labelled, cpu)
    for bundle, start in zip(tuned, source, strict=True):
        assert bundle.info["training"]["tuning"] == way.model_dump()
        assert set(bundle.weights) == set(start.weights)
        assert all(bundle.weights[name].shape == start.weights[name].shape for name in start.weights)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.kind)
def test_no_step_changes_nothing(source: Any, ge_labelled: Any, cpu: Any, pool: Any, way: AnyTuning) -> None:
    for bundle, start in zip(_tuned(source, ge_labelled, way, cpu, pool, steps=0), source, strict=True):
        assert max(_moved(start, bundle).values()) == 0


def test_frozen_parts_stay(source: Any, ge_labelled: Any, cpu: Any) -> None:
    for free, prefixes in (("readouts", ("readouts.",)), ("products", ("readouts.", "products."))):
        moved = _moved(source[0], _tuned(source, ge_labelled, FrozenTuning(free=free), cpu)[0])
        assert {name for name, distance in moved.items() if distance} <= {n for n in moved if n.startswith(prefixes)}
        assert all(any(moved[name] for name in moved if name.startswith(prefix)) for prefix in prefixes)


def test_an_anchor_holds_the_stronger_the_more(source: Any, ge_labelled: Any, cpu: Any) -> None:
    far, near, nearest = (
        sum(_moved(source[0], _tuned(source, ge_labelled, way, cpu)[0]).values())
        for way in (PlainTuning(), AnchoredTuning(strength=10.0), AnchoredTuning(strength=1e4))
    )
    assert far > 1.2 * near > 1.44 * nearest


def test_an_anchor_weighs_less_with_more_labels(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """Five copies of one label are one label, but for what holds the weights."""
    way = AnchoredTuning(strength=100.0)
    one, five = (_tuned(source, ge_labelled[:1] * n, way, cpu, batch_size=5)[0] for n in (1, 5))
    assert sum(_moved(source[0], five).values()) > 1.1 * sum(_moved(source[0], one).values())


def test_a_low_rank_update_has_that_rank(source: Any, ge_labelled: Any, cpu: Any) -> None:
    name = "interactions.1.conv_tp_weights.layer1.weight"
    tuned = _tuned(source, ge_labelled, LowRankTuning(rank=2), cpu)[0]
    update = (tuned.weights[name] - source[0].weights[name]).double()
    values = torch.linalg.svdvals(update)
    assert values[1] > 0
    assert values[2] < 1e-4 * values[0]


def test_low_rank_trains_every_weight(source: Any, cpu: Any) -> None:
    models = stack(source, torch.float32, cpu)
    way = tuning(LowRankTuning(rank=1), models)
    assert len(way.leaves) == 2 * len(models.trainable)
    assert all(torch.equal(way.weights()[name], models.weights[name]) for name in models.trainable)


def test_rehearsing_keeps_to_the_start_where_there_are_no_labels(
    source: Any, ge_labelled: Any, cpu: Any, pool: Any
) -> None:
    before = predict(source, pool, cpu)

    def drift(way: AnyTuning) -> float:
        after = predict(_tuned(source, ge_labelled[:1], way, cpu, pool, steps=60), pool, cpu)
        return float(np.mean([np.abs(a - b).mean() for a, b in zip(after.forces, before.forces, strict=True)]))

    assert drift(RehearsedTuning(strength=30.0, structures=6, batch_size=3)) < 0.5 * drift(PlainTuning())


def test_without_unlabelled_structures_nothing_is_rehearsed(source: Any, ge_labelled: Any, cpu: Any) -> None:
    plain, rehearsed = (_tuned(source, ge_labelled, way, cpu)[0] for way in (PlainTuning(), RehearsedTuning()))
    assert max(_moved(plain, rehearsed).values()) == 0


def test_what_is_rehearsed_is_not_a_label(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    """Energies and stresses of unlabelled structures are free; with no weight they change nothing."""
    plain = _tuned(source, ge_labelled, PlainTuning(), cpu, batch_size=5)[0]
    none = _tuned(source, ge_labelled, RehearsedTuning(strength=0.0, structures=3), cpu, pool, batch_size=5)[0]
    assert max(_moved(plain, none).values()) < 1e-3


# ---- members that diverge -------------------------------------------------------------------------------------------


def _spoiled(bundle: Bundle) -> Bundle:
    """A model whose loss is not finite from the first step, at any rate."""
    name = "readouts.0.linear.weight"
    weights = {**bundle.weights, name: torch.full_like(bundle.weights[name], float("inf"))}
    return Bundle(bundle.architecture, bundle.element, bundle.avg_num_neighbors, weights, bundle.info)


def test_a_diverging_member_is_left_out_and_harms_nobody(source: Any, ge_labelled: Any, cpu: Any) -> None:
    alone = train(source, ge_labelled, STEPS, 0.01, 0, cpu)
    first, spoiled, second = train([source[0], _spoiled(source[0]), source[1]], ge_labelled, STEPS, 0.01, 0, cpu)
    assert spoiled is None
    for kept, reference in zip((first, second), alone, strict=True):
        assert kept is not None
        assert reference is not None
        assert max(_moved(reference, kept).values()) < 1e-3


def test_a_member_that_diverges_once_is_restarted_with_a_lower_rate(
    source: Any, ge_labelled: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al_core.models import training

    descend, rates = training.descend, []

    def fails_first(way: Any, batches: Any, settings: Any, rate: float, *rest: Any) -> Any:
        rates.append(rate)
        losses = descend(way, batches, settings, rate, *rest)
        return [None, *losses[1:]] if len(rates) == 1 else losses

    monkeypatch.setattr(training, "descend", fails_first)
    first, second = train(source, ge_labelled, STEPS, 0.01, 0, cpu)
    assert rates == [0.01, pytest.approx(0.003)]
    assert first is not None
    assert second is not None
    assert first.info["training"]["learning_rate"] == pytest.approx(0.003)
    assert second.info["training"]["learning_rate"] == 0.01


def test_fewer_than_two_survivors_are_an_error(source: Any, ge_labelled: Any, cpu: Any) -> None:
    with pytest.raises(TrainingError, match=r"1 of 2 models.*lower the learning rate"):
        train([source[0], _spoiled(source[1])], ge_labelled, STEPS, 0.01, 0, cpu)


def test_a_share_of_a_committee_may_lose_all_but_one(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """Members of one committee are trained in shares, a core each; survivors are counted when it is whole."""
    kept, lost = train([source[0], _spoiled(source[1])], ge_labelled, STEPS, 0.01, 0, cpu, survivors=0)
    assert kept is not None
    assert lost is None


@pytest.mark.parametrize("diverging", [1, 2])
def test_a_source_committee_goes_on_with_two_survivors_and_not_with_one(
    tiny: Any, crystals: Any, sw_label: Any, cpu: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, diverging: int
) -> None:
    from al_core.config import PretrainConfig
    from al_core.datasets import write_labelled
    from al_core.files import read_json
    from al_core.studies import pretraining

    data = tmp_path / "training.extxyz"
    write_labelled(data, [(atoms, sw_label(atoms)) for atoms in crystals("Si", 4, seed=1)])
    settings = {"element": "Si", "structures": {"kind": "file", "path": str(data)}, "committee": 3, "device": "cpu"}
    config = PretrainConfig.model_validate({**settings, "model": tiny, "training": Training(steps=5)})
    build = pretraining.initial_model

    def some_spoiled(architecture: Any, labelled: Any, element: str, number: int, device: Any) -> Bundle:
        bundle = build(architecture, labelled, element, number, device)
        return _spoiled(bundle) if number < diverging else bundle

    monkeypatch.setattr(pretraining, "initial_model", some_spoiled)
    for share in ([0, 2], [1]):
        pretraining.pretrain_members(config, data, tmp_path, share)
    assert len(list(tmp_path.glob("member-*"))) == 3 - diverging
    if diverging == 1:
        assert pretraining.describe_committee(data, tmp_path, "cpu")["members"] == 2
        assert read_json(tmp_path / "committee.json")["members"] == 2
    else:
        with pytest.raises(TrainingError, match="1 of the models did not diverge, two are needed"):
            pretraining.describe_committee(data, tmp_path, "cpu")
        assert not (tmp_path / "committee.json").exists()


# ---- labels that cannot be learned ----------------------------------------------------------------------------------


def test_an_absurd_force_is_refused_with_the_structures_id(source: Any, ge_labelled: Any, cpu: Any) -> None:
    from dataclasses import replace

    from al_core.hashing import structure_id

    atoms, label = ge_labelled[2]
    forces = label.forces.copy()
    forces[1] = [0.0, 60.0, 0.0]
    bad = [*ge_labelled[:2], (atoms, replace(label, forces=forces))]
    with pytest.raises(TrainingError, match=f"{structure_id(atoms)} has a force of 60 eV/Å.*largest_force=50"):
        train(source, bad, STEPS, 0.01, 0, cpu)
    allowed = STEPS.model_copy(update={"largest_force": 100.0, "steps": 1})
    assert all(train(source, bad, allowed, 0.001, 0, cpu))


# ---- selection ------------------------------------------------------------------------------------------------------

SELECTED = SelectedTuning(candidates=(AnchoredTuning(strength=1e5), PlainTuning()), labels_needed=3)


def test_the_best_candidate_on_held_out_labels_is_taken(source: Any, ge_labelled: Any, cpu: Any) -> None:
    tuned = train(source, ge_labelled, STEPS, 0.01, 0, cpu, way=SELECTED)[0]
    assert tuned is not None
    record = tuned.info["selection"]
    held, free = (one["held_out_force_mae_meV_per_A"] for one in record["candidates"])
    assert free < held <= 1.05 * record["start_held_out_force_mae_meV_per_A"]
    assert tuned.info["training"]["tuning"] == PlainTuning().model_dump()


def test_the_start_is_kept_where_no_candidate_does_better(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """Labels that contradict each other: what is learned from some is wrong for the others."""
    from dataclasses import replace

    start = predict(source, [atoms for atoms, _ in ge_labelled], cpu).forces
    rng = np.random.default_rng(0)
    noise = [
        (atoms, replace(label, forces=forces.mean(0) + rng.normal(0, 2.0, label.forces.shape)))
        for (atoms, label), forces in zip(ge_labelled, start, strict=True)
    ]
    way = SelectedTuning(candidates=(PlainTuning(),))
    tuned = train(source, noise, STEPS.model_copy(update={"steps": 100}), 0.03, 0, cpu, way=way)
    assert all(bundle is not None and bundle.info["training"]["steps"] == 0 for bundle in tuned)
    assert max(_moved(source[0], tuned[0]).values()) == 0  # type: ignore[arg-type]


def test_a_label_is_judged_by_a_member_that_has_not_seen_it(
    source: Any, ge_labelled: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al_core.models import selection

    seen = []
    build = selection.batches_for

    def spy(*arguments: Any) -> Any:
        seen.append(arguments[-1])
        return build(*arguments)

    monkeypatch.setattr(selection, "batches_for", spy)
    train(source, ge_labelled, STEPS.model_copy(update={"steps": 1}), 0.01, 0, cpu, way=SELECTED)
    for shares in seen:
        assert shares.shape == (2, 5)
        assert (shares.sum(0) == 1).all(), "each label is left out by one of the two members"
        assert set(np.unique(shares)) == {0.0, 1.0}


def test_with_few_labels_the_first_candidate_is_taken_untried(source: Any, ge_labelled: Any, cpu: Any) -> None:
    tuned = train(source, ge_labelled[:2], STEPS, 0.01, 0, cpu, way=SELECTED)[0]
    assert tuned is not None
    assert tuned.info["training"]["tuning"]["kind"] == "anchored"
    assert "selection" not in tuned.info
