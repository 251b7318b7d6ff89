"""Training on very few labels: each is used, a failure is reported, and the process is left as it was."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms

from al_core.config.training import Training
from al_core.errors import DivergedError, TrainingError
from al_core.models.arms.scratch import initial_model
from al_core.models.bundle import Bundle
from al_core.models.engine.stack import E0, stack
from al_core.models.prediction import predict
from al_core.models.training import checkpoint
from al_core.models.training.adam import Adam
from al_core.models.training.loss import labels_of
from al_core.models.training.soap import Soap
from al_core.models.training.train import train as train_committee
from al_core.types import Label

STEPS = Training(steps=40, batch_size=4)


def train(start: Bundle, *arguments: Any, **named: Any) -> Bundle:
    """Train one model."""
    (trained,) = train_committee([start], *arguments, **named)
    assert trained is not None
    return trained


def _with(settings: Training, **changes: Any) -> Training:
    return settings.model_copy(update=changes)


@pytest.fixture(scope="module")
def start(tiny: Any, ge_labelled: Any, cpu: Any) -> Bundle:
    return initial_model(tiny, ge_labelled, ["Ge"], 3, cpu)


def _errors(bundle: Bundle, labelled: Any, device: Any) -> tuple[float, float]:
    """Return force RMSE (eV/Å) and energy RMSE (eV/atom)."""
    predicted = predict([bundle], [atoms for atoms, _ in labelled], device)
    forces = np.concatenate([f[0] - label.forces for f, (_, label) in zip(predicted.forces, labelled, strict=True)])
    energies = [
        (e - label.energy) / len(atoms) for e, (atoms, label) in zip(predicted.energies[:, 0], labelled, strict=True)
    ]
    return float(np.sqrt((forces**2).mean())), float(np.sqrt(np.square(energies).mean()))


@pytest.mark.parametrize("n_labels", [1, 2, 5])
def test_training_learns_the_labels(start: Bundle, ge_labelled: Any, cpu: Any, n_labels: int) -> None:
    labelled = ge_labelled[:n_labels]
    trained = train(start, labelled, STEPS, 0.02, 0, cpu)
    assert _errors(trained, labelled, cpu)[0] < 0.8 * _errors(start, labelled, cpu)[0]
    record = trained.info["training"]
    assert (record["steps"], record["n_labels"], record["learning_rate"]) == (40, n_labels, 0.02)
    assert record["core_seconds"] > 0


def test_the_energy_is_learned_too(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    shifted = [(atoms, replace(label, energy=label.energy + 8.0)) for atoms, label in ge_labelled]
    trained = train(start, shifted, _with(STEPS, energy_weight=100.0), 0.02, 0, cpu)
    assert _errors(trained, shifted, cpu)[1] < 0.5 * _errors(start, shifted, cpu)[1]


def test_a_set_smaller_than_a_batch_is_one_batch(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    pair = ge_labelled[:2]
    large = train(start, pair, _with(STEPS, steps=5, batch_size=64), 0.01, 0, cpu)
    exact = train(start, pair, _with(STEPS, steps=5, batch_size=2), 0.01, 0, cpu)
    assert all(torch.equal(large.weights[name], exact.weights[name]) for name in large.weights)
    assert large.info["training"]["n_labels"] == 2


def test_every_label_is_used_when_batches_do_not_divide_the_set(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    """5 labels in batches of 4: a trainer that drops the last batch never sees one of them."""
    settings = _with(STEPS, steps=2, batch_size=4)  # 8 draws: each label at least once
    known = train(start, ge_labelled, settings, 0.01, 0, cpu)
    for number in range(5):
        atoms, label = ge_labelled[number]
        other = [*ge_labelled[:number], (atoms, replace(label, forces=-label.forces)), *ge_labelled[number + 1 :]]
        changed = train(start, other, settings, 0.01, 0, cpu)
        assert any(not torch.equal(changed.weights[name], known.weights[name]) for name in known.weights), number


def test_the_same_seed_gives_the_same_weights(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    settings = _with(STEPS, steps=6, batch_size=2)
    first = train(start, ge_labelled, settings, 0.01, 7, cpu)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 (the point is that nobody reads it)
    again = train(start, ge_labelled, settings, 0.01, 7, cpu)
    other = train(start, ge_labelled, settings, 0.01, 8, cpu)
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert any(not torch.equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_a_killed_training_goes_on_to_the_same_weights(
    start: Bundle, ge_labelled: Any, cpu: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_SECONDS", 0.0)
    settings = _with(STEPS, steps=9, batch_size=2)
    arguments = (start, ge_labelled, settings, 0.01, 7, cpu)
    uninterrupted = train(*arguments)

    def die(done: int, _total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(*arguments, die, checkpoint=tmp_path / "state")
    assert len(list(tmp_path.iterdir())) == 1
    reported: list[int] = []
    resumed = train(*arguments, lambda done, _total: reported.append(done), checkpoint=tmp_path / "state")
    assert reported == [6, 7, 8, 9], "the five steps that were written down are not done again"
    assert all(torch.equal(resumed.weights[name], uninterrupted.weights[name]) for name in resumed.weights)
    assert list(tmp_path.iterdir()) == []


def test_no_step_changes_nothing_but_the_record(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    same = train(start, ge_labelled, _with(STEPS, steps=0), 0.01, 0, cpu)
    assert all(torch.equal(same.weights[name], start.weights[name]) for name in start.weights)
    assert same.info["training"]["steps"] == 0


def test_training_does_not_touch_what_it_is_given(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    before = {name: tensor.clone() for name, tensor in start.weights.items()}
    structures = [(atoms.copy(), label.forces.copy()) for atoms, label in ge_labelled]
    train(start, ge_labelled, _with(STEPS, steps=3), 0.01, 0, cpu)
    assert all(torch.equal(start.weights[name], before[name]) for name in before)
    assert "training" not in start.info
    for (atoms, label), (copy, forces) in zip(ge_labelled, structures, strict=True):
        assert atoms == copy
        assert np.array_equal(label.forces, forces)


def test_e0_and_cutoff_are_not_trained(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    trained = train(start, ge_labelled, _with(STEPS, steps=3), 0.01, 0, cpu)
    for name in ("atomic_energies_fn.atomic_energies", "r_max", "radial_embedding.bessel_fn.bessel_weights"):
        assert torch.equal(trained.weights[name], start.weights[name])


@pytest.mark.parametrize("spoil", ["energy", "forces"])
def test_a_label_that_is_not_a_number_is_an_error(start: Bundle, ge_labelled: Any, cpu: Any, spoil: str) -> None:
    atoms, label = ge_labelled[0]
    bad = replace(label, energy=np.nan) if spoil == "energy" else replace(label, forces=label.forces * np.nan)
    with pytest.raises(TrainingError, match="not finite"):
        train(start, [(atoms, bad), *ge_labelled[1:]], STEPS, 0.01, 0, cpu)
    # and the modules that are kept between trainings are fit for the next one
    good = train(start, ge_labelled, _with(STEPS, steps=1), 0.01, 0, cpu)
    assert all(tensor.isfinite().all() for tensor in good.weights.values())


@pytest.mark.parametrize("learning_rate", [1e5, 1e20])
def test_an_absurd_learning_rate_is_an_error(start: Bundle, ge_labelled: Any, cpu: Any, learning_rate: float) -> None:
    with pytest.raises(DivergedError, match="lower the learning rate"):
        train(start, ge_labelled, STEPS, learning_rate, 0, cpu)


def test_a_divergence_in_the_last_step_is_an_error(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    """The loss of a step is that before it: weights that the last step spoils must not be kept."""
    with pytest.raises(DivergedError, match="not finite"):
        train(start, ge_labelled, _with(STEPS, steps=1, warmup=0.0, ema_decay=0.0), 1e30, 0, cpu)


def test_nothing_to_train_on_is_an_error(start: Bundle, cpu: Any) -> None:
    with pytest.raises(TrainingError, match="no label"):
        train(start, [], STEPS, 0.01, 0, cpu)


def test_labels_with_and_without_stress_go_together(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    settings = _with(STEPS, steps=3, stress_weight=100.0, batch_size=8)
    without = [(atoms, replace(label, stress=None)) for atoms, label in ge_labelled]
    mixed = [*ge_labelled[:2], *without[2:]]
    results = [train(start, labelled, settings, 0.01, 0, cpu) for labelled in (ge_labelled, mixed, without)]
    for result in results:
        assert all(tensor.isfinite().all() for tensor in result.weights.values())
    name = "interactions.0.linear_up.weight"
    assert not torch.equal(results[0].weights[name], results[2].weights[name]), "the stress made no difference"
    unweighted = train(start, ge_labelled, _with(settings, stress_weight=0.0), 0.01, 0, cpu)
    assert torch.equal(unweighted.weights[name], results[2].weights[name])


def test_the_stress_is_learned_with_its_sign(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    """A model that follows the stress label expands where the label says it is under pressure."""
    pressed = np.array([-0.2, -0.2, -0.2, 0.0, 0.0, 0.0])  # negative: the cell wants to grow
    labelled = [(atoms, replace(label, stress=pressed)) for atoms, label in ge_labelled]
    settings = _with(STEPS, stress_weight=1e5)
    trained = train(start, labelled, settings, 0.02, 0, cpu)

    def slope(bundle: Bundle) -> float:
        """dE/d(ln volume)/volume by finite differences: the trace of the stress over 3, eV/Å^3."""
        atoms = ge_labelled[0][0]
        energies = []
        for scale in (0.999, 1.001):
            copy = atoms.copy()
            copy.set_cell(atoms.cell.array * scale, scale_atoms=True)
            energies.append(predict([bundle], [copy], cpu).energies[0, 0])
        return float(energies[1] - energies[0]) / (0.006 * atoms.get_volume())

    assert abs(slope(trained) + 0.2) < 0.5 * abs(slope(start) + 0.2)


def test_the_process_is_left_as_it_was(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    root = logging.getLogger()
    state = torch.get_rng_state()
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002 (it must not be drawn from)
    before = (torch.get_default_dtype(), root.level, root.handlers[:], torch.is_grad_enabled(), torch.get_num_threads())
    train(start, ge_labelled, _with(STEPS, steps=2, dtype="float64"), 0.01, 0, cpu)
    after = (torch.get_default_dtype(), root.level, root.handlers[:], torch.is_grad_enabled(), torch.get_num_threads())
    assert after == before
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002


def test_float64_training_is_kept_as_float32(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    double = train(start, ge_labelled, _with(STEPS, steps=2, dtype="float64"), 0.01, 0, cpu)
    doubles = {name for name, tensor in double.weights.items() if tensor.dtype == torch.float64}
    assert doubles == {E0}, "all-electron energies of atoms need all digits"


def test_progress_is_told(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    reported: list[tuple[int, int]] = []
    settings = _with(STEPS, steps=3)
    train(start, ge_labelled, settings, 0.01, 0, cpu, lambda done, total: reported.append((done, total)))
    assert reported == [(1, 3), (2, 3), (3, 3)]


def test_predictions_do_not_depend_on_the_batch(start: Bundle, cells: Any, cpu: Any) -> None:
    """Structures of different sizes, enough for several batches, in another order: the same numbers."""
    many = [cells[name].copy() for name in ("perfect", "rattled", "vacancy", "one atom", "cluster")] * 10
    together = predict([start], many, cpu)
    backwards = predict([start], many[::-1], cpu)
    for number, atoms in enumerate(many[:5]):
        alone = predict([start], [atoms], cpu)
        assert together.energies[number, 0] == pytest.approx(alone.energies[0, 0], rel=1e-9)
        np.testing.assert_allclose(together.forces[number], alone.forces[0], atol=1e-9)
        assert backwards.energies[-1 - number, 0] == pytest.approx(alone.energies[0, 0], rel=1e-9)


def test_forces_are_the_gradient_of_the_energy(start: Bundle, cells: Any, cpu: Any) -> None:
    atoms, h = cells["vacancy"], 1e-4
    moved = []
    for sign in (1, -1):
        copy = atoms.copy()
        copy.positions[2, 1] += sign * h
        moved.append(copy)
    energies = predict([start], moved, cpu).energies[:, 0]
    force = predict([start], [atoms], cpu).forces[0][0, 2, 1]
    assert abs(force) > 1e-3
    assert force == pytest.approx(-(energies[0] - energies[1]) / (2 * h), rel=1e-4)


@pytest.mark.parametrize("make", [Adam, lambda leaves: Soap(leaves, 4)], ids=["adam", "soap"])
def test_an_optimizer_goes_on_where_its_leaves_are(make: Any) -> None:
    """A checkpoint is read to the CPU; the moments belong where the weights are."""
    state = make([torch.ones(2, 4, 4), torch.ones(2, 16)]).state()
    resumed = make([torch.ones(2, 4, 4, device="meta"), torch.ones(2, 16, device="meta")])
    resumed.restore(state)
    moments = [leaf for leaf in torch.utils._pytree.tree_leaves(resumed.state()) if torch.is_tensor(leaf)]
    assert len(moments) > 2
    assert {tensor.device.type for tensor in moments} == {"meta"}


def test_adam_is_the_adam_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    mine, theirs = ([torch.ones(shape) for shape in ((2, 3), (2, 5), (2, 1))] for _ in range(2))
    others = [leaf.requires_grad_() for leaf in theirs]
    ours, reference = Adam(mine), torch.optim.Adam(others, amsgrad=True, fused=True)
    for step in range(6):
        rate = 0.1 / (step + 1)
        reference.param_groups[0]["lr"] = rate
        for number, (leaf, other) in enumerate(zip(mine, others, strict=True)):
            gradient = torch.randn(leaf.shape, generator=generator)
            leaf.grad = other.grad = gradient if number < 2 else None  # one has none
        ours.step(rate)
        reference.step()
        if step == 2:
            again = Adam(mine)
            again.restore(ours.state())
            ours = again
    assert all(torch.equal(leaf, other) for leaf, other in zip(mine, others, strict=True))
    assert torch.equal(mine[2], torch.ones(2, 1))


def test_isolated_atoms_alone_can_be_trained_on(tiny: Any, cpu: Any) -> None:
    atom = (Atoms("Ge", cell=[20, 20, 20], pbc=True), Label(-3.0, np.zeros((1, 3))))
    start = initial_model(tiny, [atom], ["Ge"], 3, cpu)
    assert start.avg_num_neighbors > 0
    assert predict([start], [atom[0]], cpu).energies[0] == pytest.approx(-3.0, abs=1e-6)


def test_a_stress_of_what_has_no_volume_does_not_count(start: Bundle, ge_labelled: Any, cpu: Any) -> None:
    (atoms, label), *_ = ge_labelled
    slab = atoms.copy()
    slab.pbc = (True, True, False)
    stressed = Label(label.energy, label.forces, np.ones(6))
    models = stack([start], torch.float64, cpu)
    found = labels_of(models, [(atoms, stressed), (slab, stressed)], STEPS, np.ones((1, 2)))
    assert found.stress_weights[0, 1] == 0
    assert found.stress_weights[0, 0] == pytest.approx(STEPS.stress_weight)
