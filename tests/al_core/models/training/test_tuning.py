"""Ways of training on few labels: what each leaves alone, what it holds, and what happens to a member that diverges."""

from typing import Any

import numpy as np
import pytest
import torch
from ase.stress import voigt_6_to_full_3x3_stress

from al_core.config.training import (
    AnchoredTuning,
    AnyTuning,
    FrozenTuning,
    LowRankTuning,
    PlainTuning,
    RidgeTuning,
    Training,
)
from al_core.errors import DivergedError, TrainingError
from al_core.models.arms import ARMS
from al_core.models.bundle import Bundle
from al_core.models.engine.gradient_features import mean_squared_gradients
from al_core.models.engine.stack import stack
from al_core.models.prediction import predict
from al_core.models.rescaling import atomic_energies
from al_core.models.training.loss import loss
from al_core.models.training.task import TrainingTask
from al_core.models.training.train import train
from al_core.models.training.tuning import fit
from al_core.models.training.tuning.anchored import Anchored
from al_core.models.training.tuning.low_rank import LowRankUpdates
from al_core.types import Label
from tests.helpers import moved

STEPS = Training(steps=25, batch_size=4)
TUNINGS: list[AnyTuning] = [
    PlainTuning(),
    AnchoredTuning(strength=10.0),
    FrozenTuning(free="readouts"),
    FrozenTuning(free="products"),
    LowRankTuning(rank=2),
    RidgeTuning(),
]


def _tuned(
    source: Any, labelled: Any, tuning: AnyTuning, cpu: Any, unlabelled: Any = (), **changes: Any
) -> list[Bundle]:
    settings = STEPS.model_copy(update=changes)
    found = train(source, labelled, settings, 0.01, 0, cpu, tuning=tuning, unlabelled=unlabelled)
    assert all(bundle is not None for bundle in found)
    return [bundle for bundle in found if bundle is not None]


def _force_error(committee: Any, labelled: Any, cpu: Any) -> float:
    predicted = predict(committee, [atoms for atoms, _ in labelled], cpu)
    errors = [forces.mean(0) - label.forces for forces, (_, label) in zip(predicted.forces, labelled, strict=True)]
    return float(np.abs(np.concatenate(errors)).mean())


@pytest.fixture(scope="module", name="source")
def transferred(source: Any, ge_labelled: Any, cpu: Any) -> Any:
    """The source committee as one of germanium, with its atomic energy."""
    return ARMS["transfer"](source, ge_labelled, "Ge", 0, cpu)


@pytest.fixture(scope="module")
def pool(crystals: Any) -> Any:
    return crystals("Ge", 6, seed=17)


@pytest.mark.parametrize(
    "tuning", TUNINGS, ids=lambda tuning: "-".join(str(part) for part in tuning.model_dump().values())
)
def test_every_tuning_learns_and_is_recorded(
    source: Any, ge_labelled: Any, cpu: Any, pool: Any, tuning: AnyTuning
) -> None:
    tuned = _tuned(source, ge_labelled, tuning, cpu, pool)
    assert _force_error(tuned, ge_labelled, cpu) < _force_error(source, ge_labelled, cpu)
    for bundle, start in zip(tuned, source, strict=True):
        assert bundle.info["training"]["tuning"] == tuning.model_dump()
        assert set(bundle.weights) == set(start.weights)
        assert all(bundle.weights[name].shape == start.weights[name].shape for name in start.weights)


@pytest.mark.parametrize(
    "tuning", [tuning for tuning in TUNINGS if tuning.kind != "ridge"], ids=lambda tuning: tuning.kind
)
def test_no_step_changes_nothing(source: Any, ge_labelled: Any, cpu: Any, pool: Any, tuning: AnyTuning) -> None:
    for bundle, start in zip(_tuned(source, ge_labelled, tuning, cpu, pool, steps=0), source, strict=True):
        assert max(moved(start, bundle).values()) == 0


def test_frozen_parts_stay(source: Any, ge_labelled: Any, cpu: Any) -> None:
    for free, prefixes in (("readouts", ("readouts.",)), ("products", ("readouts.", "products."))):
        far = moved(source[0], _tuned(source, ge_labelled, FrozenTuning(free=free), cpu)[0])
        assert {name for name, distance in far.items() if distance} <= {n for n in far if n.startswith(prefixes)}
        assert all(any(far[name] for name in far if name.startswith(prefix)) for prefix in prefixes)


def test_an_anchor_holds_the_stronger_the_more(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    far, near, nearest = (
        sum(moved(source[0], _tuned(source, ge_labelled, AnchoredTuning(strength=strength), cpu, pool)[0]).values())
        for strength in (5.0, 500.0, 50000.0)
    )
    assert far > 1.2 * near > 1.44 * nearest > 0


def test_an_anchor_weighs_less_with_more_labels(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    """Five copies of one label are more than one: the prior is not counted five times."""
    tuning = AnchoredTuning(strength=100.0)
    one, five = (_tuned(source, ge_labelled[:1] * n, tuning, cpu, pool)[0] for n in (1, 5))
    assert sum(moved(source[0], five).values()) > 1.1 * sum(moved(source[0], one).values())


def test_a_label_the_start_explains_moves_nothing(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    """However exact the label: steps are as long as the errors ask, which Adam's are not."""
    atoms = ge_labelled[0][0]
    predicted = predict(source[:1], [atoms], cpu)
    known = [(atoms, Label(float(predicted.energies[0, 0]), predicted.forces[0][0] + 1e-4))]
    held, free = (
        max(moved(source[0], _tuned(source[:1], known, tuning, cpu, pool)[0]).values())
        for tuning in (AnchoredTuning(), PlainTuning())
    )
    assert held < 1e-3
    assert free > 1e-2


def test_an_anchor_reaches_the_minimum(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    """The gradient of the errors and that of the anchor cancel: the weights follow from the errors alone."""
    tuning = AnchoredTuning(strength=50.0, evaluations=400)
    settings = {"dtype": "float64", "steps": 400}
    (tuned,) = _tuned(source[:1], ge_labelled, tuning, cpu, pool, **settings)
    models = stack(source[:1], torch.float64, cpu)
    drawn = [pool[index] for index in np.random.default_rng(0).permutation(len(pool))]
    squares = mean_squared_gradients(models, drawn)
    anchor = tuning.strength * squares.force
    after = stack([tuned], torch.float64, cpu)
    batch = after.network.join(after.network.prepare([atoms for atoms, _ in ge_labelled]))
    leaves = [after.weights[name].requires_grad_(True) for name in after.trainable]
    predicted = after.network(after.weights, batch)
    forces = torch.as_tensor(np.concatenate([label.forces for _, label in ge_labelled]))
    sizes = torch.tensor([len(atoms) for atoms, _ in ge_labelled])
    energies = torch.tensor([label.energy for _, label in ge_labelled]) - atomic_energies(tuned)[0] * sizes
    errors = (predicted.forces[0] - forces).square().sum()
    # each error in units of its own root mean squared gradient
    errors = errors + 10 * squares.force / squares.energy * ((predicted.energies[0] - energies) / sizes).square().sum()
    stresses = torch.as_tensor(np.stack([voigt_6_to_full_3x3_stress(label.stress) for _, label in ge_labelled]))
    errors = (
        errors + squares.force / squares.stress * 6 * (predicted.stresses[0] - stresses).square().mean((1, 2)).sum()
    )
    pulls = torch.autograd.grad(errors, leaves)
    moves = [leaf.detach() - models.weights[name] for name, leaf in zip(after.trainable, leaves, strict=True)]
    pull = torch.cat([one.flatten() for one in pulls])
    push = 2 * anchor * torch.cat([one.flatten() for one in moves])
    assert float((pull + push).norm()) < 0.05 * float(pull.norm())


def test_an_anchored_model_learns_the_stress_of_a_label(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    """Energy and forces are the start's own; the stress is 10 meV/Å^3 higher along all axes."""
    atoms = ge_labelled[0][0]
    start = predict(source[:1], [atoms], cpu)
    stress = start.stresses[0, 0] + 0.01 * np.array([1, 1, 1, 0, 0, 0])
    label = Label(float(start.energies[0, 0]), start.forces[0][0], stress)
    (tuned,) = _tuned(source[:1], [(atoms, label)], AnchoredTuning(strength=0.1), cpu, pool, steps=90)
    after = predict([tuned], [atoms], cpu)
    assert np.abs(after.stresses[0, 0] - stress).max() < 0.003
    assert np.abs(after.forces[0][0] - label.forces).max() < 0.1


def test_an_energy_counts_as_many_force_components_as_is_asked(
    source: Any, ge_labelled: Any, cpu: Any, pool: Any
) -> None:
    def error(components: float) -> float:
        tuned = _tuned(source, ge_labelled, AnchoredTuning(strength=50.0, energy_components=components), cpu, pool)
        predicted = predict(tuned, [atoms for atoms, _ in ge_labelled], cpu).energies
        energies = np.array([label.energy for _, label in ge_labelled])
        return float(np.abs(predicted - energies[:, None]).mean())

    assert error(100.0) < 0.7 * error(1.0)


def test_a_pool_without_volumes_has_no_scale_for_stresses(source: Any, ge_labelled: Any, cpu: Any, cells: Any) -> None:
    models = stack(source, torch.float64, cpu)
    anchored = Anchored(
        models, AnchoredTuning(strength=1.0), TrainingTask(ge_labelled, STEPS, 0.01, 0, [cells["cluster"]])
    )
    targets = anchored.targets(models, ge_labelled, STEPS, np.ones((1, len(ge_labelled))))
    assert not targets.stress_weights.any()
    assert bool((targets.energy_weights > 0).all())


def test_an_anchor_in_parts_is_that_of_the_whole(
    source: Any, ge_labelled: Any, cpu: Any, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _tuned(source, ge_labelled, AnchoredTuning(evaluations=3), cpu, pool, dtype="float64")
    monkeypatch.setattr("al_core.models.training.tuning.anchored._ATOMS_AT_ONCE", 10)
    parts = _tuned(source, ge_labelled, AnchoredTuning(evaluations=3), cpu, pool, dtype="float64")
    for one, other in zip(whole, parts, strict=True):
        assert max(moved(one, other).values()) < 1e-5


def test_batches_of_many_labels_stand_for_all_of_them(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    models = stack(source, torch.float64, cpu)
    anchored = Anchored(models, AnchoredTuning(strength=1.0), TrainingTask(ge_labelled, STEPS, 0.01, 0, pool))
    count = len(ge_labelled)

    def errors(labelled: Any, standing_for: int = 0) -> torch.Tensor:
        batch = models.network.join(models.network.prepare([atoms for atoms, _ in labelled]))
        targets = anchored.targets(models, labelled, STEPS, np.ones((1, len(labelled))), standing_for)
        return loss(models, models.weights, batch, targets).detach()

    of_batches = torch.stack([errors(ge_labelled[at : at + 1], count) for at in range(count)])
    torch.testing.assert_close(of_batches.mean(0), errors(ge_labelled))


@pytest.mark.slow
def test_many_labels_are_learned_as_well_in_batches(
    source: Any, ge_labelled: Any, cpu: Any, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitted as well and held as strongly: the two minimise the same."""
    tuning = AnchoredTuning(strength=20.0, evaluations=80)
    at_once = _tuned(source, ge_labelled, tuning, cpu, pool, steps=80)
    monkeypatch.setattr("al_core.models.training.tuning.anchored._ATOMS_A_BATCH", 8)
    in_batches = _tuned(source, ge_labelled, tuning.model_copy(update={"batches_from": 1}), cpu, pool, steps=80)
    assert _force_error(in_batches, ge_labelled, cpu) == pytest.approx(
        _force_error(at_once, ge_labelled, cpu), rel=0.35
    )
    for one, other, start in zip(at_once, in_batches, source, strict=True):
        far, near = (sum(moved(start, tuned).values()) for tuned in (one, other))
        assert far != near
        assert near == pytest.approx(far, rel=0.4)


def test_an_anchored_member_that_is_lost_harms_nobody(source: Any, ge_labelled: Any, cpu: Any, pool: Any) -> None:
    members = [source[0], _spoiled(source[0]), source[1]]
    found = train(members, ge_labelled, STEPS, 0.01, 0, cpu, tuning=AnchoredTuning(), unlabelled=pool)
    assert found[1] is None
    for member in (0, 2):
        tuned = found[member]
        assert tuned is not None
        assert _force_error([tuned], ge_labelled, cpu) < 0.8 * _force_error([members[member]], ge_labelled, cpu)


def test_a_low_rank_update_has_that_rank(source: Any, ge_labelled: Any, cpu: Any) -> None:
    name = "interactions.1.conv_tp_weights.layer1.weight"
    tuned = _tuned(source, ge_labelled, LowRankTuning(rank=2), cpu)[0]
    update = (tuned.weights[name] - source[0].weights[name]).double()
    values = torch.linalg.svdvals(update)
    assert values[1] > 0
    assert values[2] < 1e-4 * values[0]


def test_low_rank_trains_every_weight(source: Any, cpu: Any) -> None:
    models = stack(source, torch.float32, cpu)
    updates = LowRankUpdates(models, rank=1)
    assert len(updates.leaves) == 2 * len(models.trainable)
    assert all(torch.equal(updates.weights()[name], models.weights[name]) for name in models.trainable)


# ---- members that diverge -------------------------------------------------------------------------------------------


def _spoiled(bundle: Bundle) -> Bundle:
    """A model whose loss is not finite from the first step, at any rate."""
    name = "readouts.0.linear.weight"
    weights = {**bundle.weights, name: torch.full_like(bundle.weights[name], float("inf"))}
    return Bundle(bundle.architecture, bundle.elements, bundle.avg_num_neighbors, weights, bundle.info)


def test_a_diverging_member_is_left_out_and_harms_nobody(source: Any, ge_labelled: Any, cpu: Any) -> None:
    alone = train(source, ge_labelled, STEPS, 0.01, 0, cpu)
    first, spoiled, second = train([source[0], _spoiled(source[0]), source[1]], ge_labelled, STEPS, 0.01, 0, cpu)
    assert spoiled is None
    for kept, reference in zip((first, second), alone, strict=True):
        assert kept is not None
        assert reference is not None
        assert max(moved(reference, kept).values()) < 1e-3


def test_a_member_that_diverges_once_is_restarted_with_a_lower_rate(
    source: Any, ge_labelled: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = []

    def fails_first(models: Any, task: TrainingTask, *arguments: Any) -> Any:
        rates.append(task.learning_rate)
        losses = fit(models, task, *arguments)
        return [None, *losses[1:]] if len(rates) == 1 else losses

    monkeypatch.setattr("al_core.models.training.train.fit", fails_first)
    first, second = train(source, ge_labelled, STEPS, 0.01, 0, cpu)
    assert rates == [0.01, pytest.approx(0.003)]
    assert first is not None
    assert second is not None
    assert first.info["training"]["learning_rate"] == pytest.approx(0.003)
    assert second.info["training"]["learning_rate"] == 0.01


def test_fewer_than_two_survivors_are_an_error(source: Any, ge_labelled: Any, cpu: Any) -> None:
    with pytest.raises(DivergedError, match=r"1 of 2 models.*lower the learning rate"):
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
    from al_core.config.sources import PretrainConfig
    from al_core.models.sources import pretraining
    from al_core.storage.files import read_json
    from al_core.structures.datasets import write_labelled

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
    assert {path.name for path in tmp_path.glob("diverged-*")} == {f"diverged-{n}.json" for n in range(diverging)}
    monkeypatch.setattr(pretraining, "train", None)
    pretraining.pretrain_members(config, data, tmp_path, [0, 1, 2])  # trains nobody again
    if diverging == 1:
        assert pretraining.describe_committee(data, tmp_path, "cpu")["members"] == 2
        card = read_json(tmp_path / "committee.json")
        assert (card["members"], card["diverged_members"]) == (2, [0])
    else:
        with pytest.raises(DivergedError, match="1 of the models did not diverge, two are needed"):
            pretraining.describe_committee(data, tmp_path, "cpu")
        assert not (tmp_path / "committee.json").exists()


# ---- labels that cannot be learned ----------------------------------------------------------------------------------


def test_an_absurd_force_is_refused_with_the_structures_id(source: Any, ge_labelled: Any, cpu: Any) -> None:
    from dataclasses import replace

    from al_core.storage.hashing import structure_id

    atoms, label = ge_labelled[2]
    forces = label.forces.copy()
    forces[1] = [0.0, 60.0, 0.0]
    bad = [*ge_labelled[:2], (atoms, replace(label, forces=forces))]
    with pytest.raises(TrainingError, match=f"{structure_id(atoms)} has a force of 60 eV/Å.*largest_force=50"):
        train(source, bad, STEPS, 0.01, 0, cpu)
    allowed = STEPS.model_copy(update={"largest_force": 100.0, "steps": 1})
    assert all(train(source, bad, allowed, 0.001, 0, cpu))


# ---- ridge ----------------------------------------------------------------------------------------------------------


def test_ridge_changes_the_readouts_only(source: Any, ge_labelled: Any, cpu: Any) -> None:
    far = moved(source[0], _tuned(source, ge_labelled, RidgeTuning(), cpu)[0])
    changed = {name for name, change in far.items() if change > 0}
    assert changed == {"readouts.0.linear.weight", "readouts.1.linear_2.weight"}


def test_ridge_finds_readouts_that_made_the_labels(source: Any, crystals: Any, cpu: Any) -> None:
    from dataclasses import replace

    rng = torch.Generator().manual_seed(3)
    names = ("readouts.0.linear.weight", "readouts.1.linear_2.weight")
    truth = {
        name: source[0].weights[name] + 0.3 * torch.randn(source[0].weights[name].shape, generator=rng)
        for name in names
    }
    teacher = replace(source[0], weights={**source[0].weights, **truth})
    structures = crystals("Ge", 12, seed=23, rattle=0.2)
    predicted = predict([teacher], structures, cpu)
    labels = [
        Label(float(energy[0]), forces[0]) for energy, forces in zip(predicted.energies, predicted.forces, strict=True)
    ]
    labelled = list(zip(structures, labels, strict=True))
    before = _force_error([source[0]], labelled, cpu)
    tuned = _tuned([source[0]], labelled[:8], RidgeTuning(), cpu, dtype="float64")
    assert _force_error(tuned, labelled[8:], cpu) < 0.05 * before  # on structures it has not seen


def test_ridge_with_a_label_a_member_has_not(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """A label that counts nothing for a member does not change it."""
    from dataclasses import replace

    weights = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    atoms, label = ge_labelled[2]
    other = [*ge_labelled[:2], (atoms, replace(label, forces=label.forces + 1.0))]
    found = []
    for labelled in (ge_labelled[:3], other):
        models = stack(source, torch.float64, cpu)
        fit(models, TrainingTask(labelled, STEPS, 0.01, 0), RidgeTuning(), weights)
        found.append(models.weights["readouts.0.linear.weight"].clone())
    assert torch.allclose(found[0][0], found[1][0], atol=1e-9)
    assert not torch.allclose(found[0][1], found[1][1], atol=1e-3)
