"""The transferred models are exact before training, and the fit of the rescaling finds what was put in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from al_core.config.target import ElementMap
from al_core.config.training import Training
from al_core.models.arms import ARMS
from al_core.models.arms.rescaled import physical_guess
from al_core.models.arms.scratch import initial_model
from al_core.models.bundle import Bundle, load_bundle, save_bundle
from al_core.models.prediction import predict
from al_core.models.rescaling import (
    Rescaling,
    atomic_energies,
    fit_atomic_energies,
    fit_rescaling,
    relabel,
    rescale,
    with_atomic_energies,
)
from al_core.models.training.train import train
from al_core.types import Label

CELLS = ("perfect", "rattled", "vacancy", "one atom", "cluster")
# Everything is evaluated in float64, but the weights of both models are float32: the handful of numbers that
# rescaling changes carry a relative error of 6e-8 each, which a model of two layers turns into some 1e-6.
RELATIVE = 1e-5


def _stretched(atoms: Any, lam: float) -> Any:
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array * lam)
    copy.positions = atoms.positions * lam
    return copy


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("lam", "s"), [(1.0417, 0.83), (0.93, 1.4), (1.10, 1.0), (1.0, 0.5)])
def test_rescaling_is_exact(source: Any, cells: Any, cpu: Any, name: str, lam: float, s: float) -> None:
    atoms = cells[name]
    old, e0 = source[0], -3.25  # exact in binary
    new = with_atomic_energies(rescale(old, Rescaling(lam, s)), np.array([e0]))
    before, after = predict([old], [atoms], cpu), predict([new], [_stretched(atoms, lam)], cpu)
    interaction = before.energies[0, 0] - len(atoms) * atomic_energies(old)[0]
    assert abs(interaction) > 0.1  # else nothing is tested
    assert after.energies[0, 0] == pytest.approx(s * interaction + len(atoms) * e0, rel=RELATIVE)
    size = np.abs(before.forces[0]).max()
    np.testing.assert_allclose(after.forces[0], s / lam * before.forces[0], rtol=0, atol=RELATIVE * size + 1e-12)


def test_rescaling_the_energy_leaves_e0_alone(source: Any) -> None:
    assert atomic_energies(rescale(source[0], Rescaling(1.1, 0.5))) == atomic_energies(source[0]) != 0


@pytest.mark.parametrize("name", CELLS)
def test_a_relabelled_model_is_bit_identical(source: Any, cells: Any, cpu: Any, name: str) -> None:
    atoms = cells[name]
    new = relabel(source[0], "Ge")
    assert new.elements == ("Ge",)
    assert new.weights["atomic_numbers"].tolist() == [32]
    before, after = predict([source[0]], [atoms], cpu), predict([new], [atoms], cpu)
    assert np.array_equal(before.energies, after.energies)
    assert np.array_equal(before.forces[0], after.forces[0])
    # and with another E0 the energy is shifted, the forces are the same bits
    shifted = predict([with_atomic_energies(new, atomic_energies(new) + 1.0)], [atoms], cpu)
    assert shifted.energies[0, 0] - after.energies[0, 0] == pytest.approx(len(atoms), rel=1e-6)
    assert np.array_equal(shifted.forces[0], after.forces[0])


def test_the_transferred_arm_is_exact_before_training(source: Any, ge_labelled: Any, cells: Any, cpu: Any) -> None:
    starts = ARMS["transfer"](source, ge_labelled, "Ge", 0, cpu)
    atoms = cells["rattled"]
    before, after = predict(source, [atoms], cpu), predict(starts, [atoms], cpu)
    assert np.array_equal(before.forces[0], after.forces[0])
    shifts = [len(atoms) * (atomic_energies(b) - atomic_energies(a))[0] for a, b in zip(source, starts, strict=True)]
    np.testing.assert_allclose(after.energies[0] - before.energies[0], shifts, rtol=1e-6)


def _labels_of(committee: list[Bundle], structures: list[Any], device: Any) -> list[tuple[Any, Label]]:
    predicted = predict(committee, structures, device)
    return [
        (atoms, Label(float(energies.mean()), forces.mean(axis=0)))
        for atoms, energies, forces in zip(structures, predicted.energies, predicted.forces, strict=True)
    ]


@pytest.fixture(scope="module")
def source(tiny: Any, cpu: Any, crystals: Any, sw_label: Any) -> Any:
    """A committee of two Si models, trained until their forces are of their output scale, as those of a source are."""
    labelled = [(atoms, sw_label(atoms)) for atoms in crystals("Si", 6, seed=1)]
    starts = [initial_model(tiny, labelled, ["Si"], seed, cpu) for seed in (11, 12)]
    return train(starts, labelled, Training(steps=200), 0.03, 0, cpu)


TRUTH = Rescaling(length=1.06, energy=0.8)
PRIOR = Rescaling(length=1.03, energy=0.9, length_error=0.03, energy_error=0.1)


@pytest.fixture(scope="module")
def made(source: Any, crystals: Any, cpu: Any) -> list[tuple[Any, Label]]:
    """Labels that a rescaled copy of the source committee made."""
    committee = [with_atomic_energies(relabel(rescale(bundle, TRUTH), "Ge"), np.array([-3.0])) for bundle in source]
    return _labels_of(committee, crystals("Ge", 20, seed=8, rattle=0.2), cpu)


def test_the_fit_finds_the_rescaling_the_labels_were_made_with(source: Any, made: Any, cpu: Any) -> None:
    found = fit_rescaling(source, made, replace(PRIOR, length=TRUTH.length, energy=TRUTH.energy), cpu)
    assert found.length == pytest.approx(TRUTH.length, abs=1e-3)
    assert found.energy == pytest.approx(TRUTH.energy, abs=2e-3)


def test_the_fit_finds_it_from_another_prior(source: Any, made: Any, cpu: Any) -> None:
    found = fit_rescaling(source, made, PRIOR, cpu)
    # forces of a few structures outweigh the prior
    assert abs(found.length - TRUTH.length) < 0.2 * abs(PRIOR.length - TRUTH.length)
    assert abs(found.energy - TRUTH.energy) < 0.4 * abs(PRIOR.energy - TRUTH.energy)
    assert abs(found.length - TRUTH.length) < found.length_error
    assert abs(found.energy - TRUTH.energy) < found.energy_error


def test_a_target_ten_times_softer_is_fitted_as_well(source: Any, crystals: Any, cpu: Any) -> None:
    """Small forces count by what is large for the target: the length comes out the same, the energy a tenth."""
    found = []
    for energy in (1.0, 0.1):
        committee = [rescale(bundle, Rescaling(1.06, energy)) for bundle in source]
        labelled = _labels_of(committee, crystals("Ge", 1, seed=8, rattle=0.2), cpu)
        prior = Rescaling(1.03, 0.8 * energy, length_error=0.03, energy_error=0.3 * energy)
        found.append(fit_rescaling(source, labelled, prior, cpu))
    hard, soft = found
    assert soft.length == pytest.approx(hard.length, abs=5e-4)
    assert soft.length_error == pytest.approx(hard.length_error, rel=0.02)
    assert soft.energy == pytest.approx(0.1 * hard.energy, rel=0.01)


def test_where_nothing_is_known_of_the_energy_one_label_tells_it(source: Any, crystals: Any, cpu: Any) -> None:
    """A prior ten times too hard is given up: errors are those of the scale that the label leads to."""
    labelled = _labels_of([rescale(model, Rescaling(1.0, 0.1)) for model in source], crystals("Ge", 1, seed=8), cpu)
    found = fit_rescaling(source, labelled, Rescaling(1.0, 1.0, length_error=0.03, energy_error=1.0), cpu)
    assert found.energy == pytest.approx(0.1, rel=0.1)


def test_one_label_that_says_little_leaves_the_prior(source: Any, cpu: Any, cells: Any) -> None:
    """A nearly perfect crystal has next to no force, and its energy goes into E0: it must not pull the ratios away."""
    atoms = cells["perfect"].copy()
    atoms.positions += np.random.default_rng(0).normal(0, 0.002, atoms.positions.shape)
    labelled = _labels_of([rescale(bundle, TRUTH) for bundle in source], [atoms], cpu)
    found = fit_rescaling(source, labelled, PRIOR, cpu)
    assert found.length == pytest.approx(PRIOR.length, abs=1e-3)
    assert found.energy == pytest.approx(PRIOR.energy, abs=1e-2)


def test_a_stress_alone_tells_the_length(source: Any, cpu: Any, cells: Any) -> None:
    """A perfect crystal has no forces; its stress is that of a source stretched by 1.06, the prior says 1.03."""
    truth, prior = Rescaling(1.06, 1.0), Rescaling(1.03, 1.0, 0.03, 0.1)
    atoms = _stretched(cells["perfect"], 1.05)
    said = predict([rescale(model, truth) for model in source], [atoms], cpu)
    energy, forces = said.energies.mean(), np.zeros((len(atoms), 3))
    blind, seeing = (
        fit_rescaling(source, [(atoms, Label(energy, forces, stress))], prior, cpu)
        for stress in (None, said.stresses[0].mean(axis=0))
    )
    assert blind.length == pytest.approx(1.03, abs=5e-3)
    assert abs(seeing.length - 1.06) < 0.5 * abs(blind.length - 1.06)
    assert seeing.length_error < blind.length_error
    open_ends = atoms.copy()
    open_ends.pbc = (True, True, False)  # it has no stress to compare with
    assert np.isfinite(fit_rescaling(source, [(open_ends, Label(energy, forces, np.ones(6)))], prior, cpu).length)


def test_without_labels_the_fit_is_the_prior(source: Any, cpu: Any) -> None:
    assert fit_rescaling(source, [], PRIOR, cpu) == PRIOR


def test_the_committee_gets_one_rescaling_and_each_member_its_own_e0(source: Any, made: Any, cpu: Any) -> None:
    starts = ARMS["rescaled"](source, made, "Ge", 0, cpu)
    fitted = starts[0].info["rescaling"]
    for start, bundle in zip(starts, source, strict=True):
        assert start.info["rescaling"] == fitted
        assert float(start.weights["r_max"]) == pytest.approx(4.0 * fitted["length"], rel=1e-6)
        factor = float(start.weights["scale_shift.scale"] / bundle.weights["scale_shift.scale"])
        assert factor == pytest.approx(fitted["energy"], rel=1e-6)
    assert atomic_energies(starts[0]) != atomic_energies(starts[1])


def test_the_rescaled_arm_explains_labels_of_a_rescaled_source(source: Any, made: Any, cpu: Any) -> None:
    starts = ARMS["rescaled"](source, made, "Ge", 0, cpu)
    predicted = predict(starts, [atoms for atoms, _ in made], cpu)
    wanted = np.concatenate([label.forces for _, label in made])
    got = np.concatenate([forces.mean(axis=0) for forces in predicted.forces])
    relabelled = predict(source, [atoms for atoms, _ in made], cpu)
    unscaled = np.concatenate([forces.mean(axis=0) for forces in relabelled.forces])
    assert np.abs(got - wanted).mean() < 0.07 * np.abs(unscaled - wanted).mean()


def test_without_labels_the_rescaled_arm_takes_the_known_ratios(source: Any, cpu: Any) -> None:
    fitted = ARMS["rescaled"](source, [], "Ge", 0, cpu)[0].info["rescaling"]
    assert fitted["length"] == pytest.approx(5.768 / 5.474)
    assert fitted["energy"] == pytest.approx(3.85 / 4.63)
    assert fitted["length_error"] > 0.01, "nothing was measured: the error is the prior's"
    assert fitted["atomic_energy_error"] is None


def test_a_ratio_of_the_table_is_trusted_more_than_none(source: Any) -> None:
    known, unknown = (physical_guess(source[0], element) for element in ("Cu", "Xx"))
    assert known.length == pytest.approx(3.61 * 2**0.5 / 2 / (5.431 * 3**0.5 / 4))
    assert known.energy == pytest.approx(3.49 / 4.63)
    assert 0 < known.energy_error / known.energy < unknown.energy_error
    assert (unknown.length, unknown.energy) == (1, 1)
    assert unknown.length_error == pytest.approx(known.length_error / known.length)


def test_what_no_table_knows_the_structures_tell(source: Any, cells: Any, cpu: Any) -> None:
    trained = replace(source[0], info={"training": {"bond_length_A": 2.4}})
    assert physical_guess(trained, "Nb", 2.88).length == pytest.approx(1.2)
    assert physical_guess(trained, "Nb").length == 1, "and without structures it is not known"
    silent = replace(source[0], info={})
    assert physical_guess(silent, "Nb", 2.88).length == 1, "nor without those of the source"
    pool = [bulk("Ge", "diamond", a=6.0, cubic=True)]
    assert ARMS["rescaled"]([trained], [], "Ge", 0, cpu, pool)[0].info["rescaling"]["length"] == pytest.approx(
        6.0 * 3**0.5 / 4 / 2.4
    )


def test_the_errors_of_the_fit_fall_with_labels_and_cover_the_truth(source: Any, made: Any, cpu: Any) -> None:
    none, one, all_ = (fit_rescaling(source, labelled, PRIOR, cpu) for labelled in ([], made[:1], made))
    assert none.length_error > one.length_error > all_.length_error > 0
    assert none.energy_error > one.energy_error > all_.energy_error > 0
    assert one.atomic_energy_error > all_.atomic_energy_error > 0
    assert abs(all_.length - TRUTH.length) < 4 * all_.length_error
    assert abs(all_.energy - TRUTH.energy) < 4 * all_.energy_error


def test_fitting_e0_makes_the_mean_energy_error_zero(source: Any, ge_labelled: Any, cells: Any, cpu: Any) -> None:
    labelled = [*ge_labelled, (cells["vacancy"], Label(-20.0, np.zeros((7, 3))))]
    fitted = fit_atomic_energies(source[0], labelled, cpu)

    def errors(bundle: Bundle) -> np.ndarray:
        predicted = predict([bundle], [atoms for atoms, _ in labelled], cpu).energies[:, 0]
        return np.array(
            [(energy - label.energy) / len(atoms) for energy, (atoms, label) in zip(predicted, labelled, strict=True)]
        )

    assert abs(errors(source[0]).mean()) > 0.01
    assert abs(errors(fitted).mean()) < 1e-6
    changed = [name for name in fitted.weights if not fitted.weights[name].equal(source[0].weights[name])]
    assert changed == ["atomic_energies_fn.atomic_energies"]
    assert replace(fitted, weights={}) == replace(source[0], weights={})


def test_without_labels_e0_stays(source: Any, cpu: Any) -> None:
    assert fit_atomic_energies(source[0], [], cpu) is source[0]


# ---- compounds -------------------------------------------------------------------------------------------------------

OXIDE = ElementMap(map={"O": "O", "Mg": "Ca"})  # in another order than the source's


@pytest.fixture
def oxide(source: Any) -> Bundle:
    """A silicon model read as one of two elements, which differ a little."""
    bundle, rng = source[0], np.random.default_rng(2)
    weights, channels = dict(bundle.weights), bundle.architecture.channels

    def twice(value: torch.Tensor) -> torch.Tensor:
        factors = torch.tensor(1 + 0.2 * rng.normal(size=(2, *value.shape[1:])), dtype=value.dtype)
        return value * factors

    for name, value in bundle.weights.items():
        if name == "node_embedding.linear.weight":
            weights[name] = 2**0.5 * twice(value.view(1, channels)).flatten()
        elif "skip_tp.weight" in name:
            shaped = value.view(-1, channels, 1, channels).movedim(2, 0)
            weights[name] = 2**0.5 * twice(shaped).movedim(0, 2).flatten()
        elif "symmetric_contractions" in name and ".weights" in name and value.numel():
            weights[name] = twice(value)
    weights["atomic_numbers"] = torch.tensor([12, 8])
    weights["atomic_energies_fn.atomic_energies"] = torch.tensor([[-2.0, -9.0]])
    return replace(bundle, elements=("Mg", "O"), weights=weights)


def _magnesia() -> Any:
    atoms = bulk("MgO", "zincblende", a=5.4, cubic=True)
    atoms.rattle(0.08, seed=3)
    del atoms[1]  # an oxygen: the composition counts
    return atoms


def _as_calcium(atoms: Any, lam: float) -> Any:
    copy = _stretched(atoms, lam)
    copy.symbols[[symbol == "Mg" for symbol in atoms.symbols]] = "Ca"
    return copy


def test_the_mapped_rescaling_of_a_compound_is_exact(oxide: Bundle, cpu: Any) -> None:
    atoms, lam, s, e0 = _magnesia(), 1.14, 0.8, np.array([-11.0, -4.0])  # of oxygen and calcium
    new = with_atomic_energies(relabel(rescale(oxide, Rescaling(lam, s)), OXIDE), e0)
    assert (new.elements, new.info["source"]["elements"]) == (("O", "Ca"), ["O", "Mg"])
    before, after = predict([oxide], [atoms], cpu), predict([new], [_as_calcium(atoms, lam)], cpu)
    interaction = before.energies[0, 0] - (4 * -2.0 + 3 * -9.0)
    assert abs(interaction) > 0.1  # else nothing is tested
    assert after.energies[0, 0] == pytest.approx(s * interaction + 3 * e0[0] + 4 * e0[1], rel=RELATIVE)
    size = np.abs(before.forces[0]).max()
    np.testing.assert_allclose(after.forces[0], s / lam * before.forces[0], rtol=0, atol=RELATIVE * size)
    np.testing.assert_allclose(after.stresses, s / lam**3 * before.stresses, rtol=1e-3, atol=1e-8)


def test_ratios_and_atomic_energies_of_a_compound_are_found(oxide: Bundle, cpu: Any) -> None:
    truth = with_atomic_energies(relabel(rescale(oxide, Rescaling(1.05, 0.8)), OXIDE), np.array([-11.0, -4.0]))
    structures = []
    for seed in range(6):
        atoms = bulk("CaO", "zincblende", a=5.67, cubic=True)
        atoms.rattle(0.1, seed=seed)
        del atoms[[seed] if seed < 4 else []]  # a calcium or an oxygen is missing: the compositions differ
        structures.append(atoms)
    said = predict([truth], structures, cpu)
    labelled = [
        (atoms, Label(float(said.energies[n, 0]), said.forces[n][0], said.stresses[n, 0], 0.0, {}))
        for n, atoms in enumerate(structures)
    ]
    start = relabel(oxide, OXIDE)
    fitted = fit_rescaling([start], labelled, Rescaling(1.0, 1.0, 0.1, 0.5), cpu)
    assert (fitted.length, fitted.energy) == (pytest.approx(1.05, abs=2e-3), pytest.approx(0.8, rel=2e-2))
    found = fit_atomic_energies(rescale(start, Rescaling(1.05, 0.8)), labelled, cpu)
    np.testing.assert_allclose(atomic_energies(found), [-11.0, -4.0], atol=0.05)


def test_of_one_composition_the_sum_of_atomic_energies_is_fitted_and_their_difference_stays(
    oxide: Bundle, cpu: Any
) -> None:
    atoms = bulk("MgO", "rocksalt", a=4.2)
    energy = float(predict([oxide], [atoms], cpu).energies[0, 0]) + 3.0
    found = fit_atomic_energies(oxide, [(atoms, Label(energy, np.zeros((2, 3)), None, 0.0, {}))], cpu)
    np.testing.assert_allclose(atomic_energies(found), [-0.5, -7.5], atol=1e-3)


def test_every_arm_makes_a_model_of_the_compound(oxide: Bundle, cpu: Any) -> None:
    atoms = bulk("CaO", "rocksalt", a=4.8)
    label = Label(-30.0, np.zeros((2, 3)), None, 0.0, {})
    for arm in ARMS.values():
        (start,) = arm([oxide], [(atoms, label)], OXIDE, 0, cpu, [atoms])
        assert start.elements == ("O", "Ca")
        assert predict([start], [atoms], cpu).energies[0, 0] == pytest.approx(-30.0, abs=1e-3)


def test_nothing_is_guessed_of_a_compound_but_its_bonds(oxide: Bundle) -> None:
    known = replace(oxide, info={"training": {"bond_length_A": 2.1}})
    guess = physical_guess(known, OXIDE, 2.4)
    assert (guess.length, guess.energy, guess.energy_error) == (pytest.approx(2.4 / 2.1), 1.0, 1.0)


def test_of_a_source_of_several_elements_those_count_that_are_mapped(oxide: Bundle) -> None:
    silica = replace(oxide, elements=("O", "Si"), info={"training": {"bond_length_A": 1.6}})
    guess = physical_guess(silica, ElementMap(map={"Si": "Ge"}), 2.45)
    assert (guess.length, guess.energy) == (pytest.approx(5.768 / 5.474), pytest.approx(3.85 / 4.63))


def test_all_electron_energies_of_atoms_keep_all_digits(source: Any, tmp_path: Path) -> None:
    """Single precision has them to 30 meV."""
    save_bundle(with_atomic_energies(source[0], np.array([-535650.123456])), tmp_path / "gold")
    assert atomic_energies(load_bundle(tmp_path / "gold")) == pytest.approx([-535650.123456], abs=1e-9)
