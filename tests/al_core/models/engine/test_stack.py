"""Models side by side: stacked where they belong together, stock modules where nothing is regrouped, old bundles."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from al_core.config.training import Architecture, Training
from al_core.models.bundle import Bundle, load_bundle
from al_core.models.committee import committee_folders
from al_core.models.engine import graphs
from al_core.models.engine.descriptors import descriptors
from al_core.models.engine.mace import build, cutoff
from al_core.models.engine.network import Network
from al_core.models.engine.stack import alike, stack
from al_core.models.engine.stock import StockNetwork
from al_core.models.engine.untrained import seeded_bundle
from al_core.models.prediction import predict
from al_core.models.rescaling import Rescaling, rescale
from al_core.models.sources.shipped import shipped_committee
from al_core.models.training.train import train

FALLBACK = {
    "max_L 2": Architecture(channels=4, max_L=2, l_max=2, correlation=1, r_max=3.5, radial_mlp=(8,)),
    "correlation 4": Architecture(channels=4, l_max=1, correlation=4, r_max=3.5, radial_mlp=(8,)),
}


def _stock(bundle: Bundle, atoms: Atoms, dtype: torch.dtype, cpu: Any) -> tuple[float, np.ndarray, np.ndarray]:
    """Return energy, forces and stress of mace's modules."""
    model = build(bundle, dtype, cpu)
    predicted = model(graphs.join([graphs.graph(atoms, cutoff(model), dtype)], cpu), compute_stress=True)
    energy = float(predicted["interaction_energy"].detach()) + len(atoms) * float(
        bundle.weights["atomic_energies_fn.atomic_energies"]
    )
    return energy, predicted["forces"].detach().numpy(), predicted["stress"][0].detach().numpy()


def _varied(bundle: Bundle, neighbors: float, scale: float) -> Bundle:
    weights = {**bundle.weights, "scale_shift.scale": torch.tensor(scale), "scale_shift.shift": torch.tensor(-0.7)}
    return replace(bundle, avg_num_neighbors=neighbors, weights=weights)


@pytest.fixture(scope="module")
def different(tiny: Any) -> list[Bundle]:
    """Two models, the same two stretched by 3 %, and two of another architecture, all mixed up."""
    first, second, third = (_varied(seeded_bundle(tiny, ["Ge"], 1.0, n), 9.0 + n, 1.0 + 0.2 * n) for n in range(3))
    deeper = tiny.model_copy(update={"max_L": 1, "l_max": 1})
    others = [_varied(seeded_bundle(deeper, ["Ge"], 1.0, n), 8.0, 0.5) for n in (5, 6)]
    stretched = [rescale(one, Rescaling(1.03, 0.9)) for one in (first, third)]
    return [first, others[0], stretched[0], second, others[1], stretched[1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_unstacked_weights_are_bit_identical(different: Any, cpu: Any, dtype: torch.dtype) -> None:
    together = [different[0], different[3]]
    for before, after in zip(together, stack(together, dtype, cpu).unstacked(), strict=True):
        assert replace(after, weights={}) == replace(before, weights={})
        assert list(after.weights) == list(before.weights)
        for name, tensor in before.weights.items():
            assert after.weights[name].dtype == tensor.dtype
            assert after.weights[name].shape == tensor.shape
            assert torch.equal(after.weights[name], tensor), name


def test_unstacked_weights_are_those_of_the_stack_and_not_views_of_it(different: Any, cpu: Any) -> None:
    models = stack([different[0], different[3]], torch.float64, cpu)
    name = "interactions.1.linear_up.weight"
    assert name in models.trainable
    models.weights[name][1] += 1.0
    unstacked = models.unstacked()
    assert torch.equal(unstacked[0].weights[name], different[0].weights[name])
    torch.testing.assert_close(unstacked[1].weights[name], different[3].weights[name] + 1.0)
    models.weights[name].zero_()
    assert float(unstacked[1].weights[name].abs().max()) > 0


def test_all_that_mace_trains_is_trained(different: Any, cpu: Any) -> None:
    for bundle in (different[0], different[1]):
        parameters = {name for name, value in build(bundle, torch.float32, cpu).named_parameters() if value.numel()}
        assert set(stack([bundle], torch.float32, cpu).trainable) == parameters


def test_models_with_other_radial_functions_or_layers_are_grouped_apart(different: Any) -> None:
    assert alike(different) == [[0, 3], [1, 4], [2, 5]]
    assert alike(different[::-1]) == [[0, 3], [1, 4], [2, 5]]
    assert alike([different[2], different[0]]) == [[0], [1]]


def test_predictions_are_in_the_order_of_the_models_and_structures(different: Any, cells: Any, cpu: Any) -> None:
    structures = [cells[name] for name in ("rattled", "one atom", "cluster", "vacancy")]
    predicted = predict(different, structures, cpu)
    for member, bundle in enumerate(different):
        for index, atoms in enumerate(structures):
            energy, forces, _ = _stock(bundle, atoms, torch.float64, cpu)
            assert predicted.energies[index, member] == pytest.approx(energy, rel=0, abs=1e-10 * len(atoms))
            np.testing.assert_allclose(predicted.forces[index][member], forces, rtol=0, atol=1e-10)
    assert np.ptp(predicted.energies, axis=1).min() > 1e-3


# ---- what is not regrouped -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=FALLBACK)
def fallback(request: Any) -> list[Bundle]:
    return [_varied(seeded_bundle(FALLBACK[request.param], ["Ge"], 1.0, n), 12.0 + n, 1.0 + n) for n in range(2)]


def test_the_architecture_decides(fallback: Any, different: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(stack(fallback, torch.float32, cpu).network, StockNetwork)
    assert isinstance(stack(different[:1], torch.float32, cpu).network, Network)
    monkeypatch.setattr(Architecture, "regrouped", property(lambda architecture: False))
    assert isinstance(stack(different[:1], torch.float32, cpu).network, StockNetwork)


def test_the_fallback_agrees_with_its_finite_differences(fallback: Any, cells: Any, cpu: Any) -> None:
    for name in ("vacancy", "cluster"):
        atoms, h = cells[name], 1e-4
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[2] += [0.0, h, -h]
        moved[1].positions[2] -= [0.0, h, -h]
        predicted = predict(fallback, [*moved, atoms], cpu)
        slopes = (predicted.energies[1] - predicted.energies[0]) / (2 * h)
        np.testing.assert_allclose(predicted.forces[2][:, 2] @ [0.0, 1.0, -1.0], slopes, rtol=1e-5, atol=1e-6)
        assert np.abs(slopes).min() > 1e-3


def test_descriptors_are_those_of_stock_modules(
    different: Any, cells: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = [cells["vacancy"], cells["one atom"]]
    fast = [descriptors(bundle, structures, cpu) for bundle in different[:3]]
    monkeypatch.setattr(Architecture, "regrouped", property(lambda architecture: False))
    for bundle, found in zip(different, fast, strict=False):
        assert found.shape == (2, 2 * bundle.architecture.channels)
        np.testing.assert_allclose(found, descriptors(bundle, structures, cpu), rtol=1e-4, atol=1e-5)


def test_the_fallback_gives_what_stock_modules_give(fallback: Any, cells: Any, cpu: Any) -> None:
    models = stack(fallback, torch.float64, cpu)
    structures = [cells["vacancy"], cells["one atom"]]
    batch = models.network.join(models.network.prepare(structures))
    with torch.no_grad():
        predicted = models.network(models.weights, batch)
    assert not predicted.forces.requires_grad
    for member, bundle in enumerate(fallback):
        forces = predicted.forces[member].split([len(atoms) for atoms in structures])
        for index, atoms in enumerate(structures):
            right = _stock(bundle, atoms, torch.float64, cpu)
            assert float(predicted.energies[member, index]) == pytest.approx(right[0], rel=0, abs=1e-10)
            np.testing.assert_allclose(forces[index], right[1], rtol=0, atol=1e-10)
            np.testing.assert_allclose(predicted.stresses[member, index], right[2], rtol=0, atol=1e-10)


def test_the_fallback_has_no_stress_where_there_is_no_volume(fallback: Any, cells: Any, cpu: Any) -> None:
    """A slab and a cluster beside a crystal: mace's wide cell is not theirs."""
    slab = cells["vacancy"].copy()
    slab.pbc = (True, True, False)
    models = stack(fallback, torch.float64, cpu)
    batch = models.network.join(models.network.prepare([slab, cells["cluster"], cells["vacancy"]]))
    with torch.no_grad():
        stresses = models.network(models.weights, batch).stresses
    assert stresses[:, :2].abs().max() == 0
    assert stresses[:, 2].abs().amax((1, 2)).min() > 1e-4


def _trained(starts: Sequence[Bundle], labelled: Any, cpu: Any, **changes: Any) -> list[Bundle]:
    settings = Training(steps=4, batch_size=2, dtype="float64", energy_weight=1.0, warmup=0.0).model_copy(
        update=changes
    )
    trained = train(starts, labelled, settings, 0.01, 0, cpu)
    return [bundle for bundle in trained if bundle is not None]


def test_the_fallback_is_trained(fallback: Any, ge_labelled: Any, cpu: Any) -> None:
    """A committee of two: modules are shared, and what one member keeps for its way back is not another's."""
    labelled = [(atoms, label) for atoms, label in ge_labelled[:2]]
    trained = _trained(fallback, labelled, cpu, steps=6)
    assert len(trained) == 2

    def error(bundles: Sequence[Bundle]) -> np.ndarray:
        predicted = predict(bundles, [atoms for atoms, _ in labelled], cpu)
        return np.array(
            [np.square(part - label.forces).sum() for part, (_, label) in zip(predicted.forces, labelled, strict=True)]
        )

    before = [error([bundle]).sum() for bundle in fallback]
    after = [error([bundle]).sum() for bundle in trained]
    assert all(new < old for new, old in zip(after, before, strict=True))
    alone = _trained(fallback[1:], labelled, cpu, steps=6)[0]
    for name, tensor in alone.weights.items():
        torch.testing.assert_close(trained[1].weights[name], tensor, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("index", [0, 1], ids=["scalars", "vectors"])
def test_training_is_the_same_with_stock_modules(
    different: Any, ge_labelled: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    """Every step of the loss of energies, forces and stresses goes where stock modules go.

    By Adam: SOAP's first axes are in part those of rounding, where gradients span less than a matrix.
    """
    starts = [different[index], different[index + 3]]
    fast = _trained(starts, ge_labelled[:3], cpu, optimizer="adam")
    monkeypatch.setattr(Architecture, "regrouped", property(lambda architecture: False))
    slow = _trained(starts, ge_labelled[:3], cpu, optimizer="adam")
    for one, other, start in zip(fast, slow, starts, strict=True):
        changed = 0
        for name, tensor in one.weights.items():
            torch.testing.assert_close(tensor, other.weights[name], rtol=0, atol=2e-6, msg=name)
            changed += not torch.equal(tensor, start.weights[name])
        assert changed > 10


# ---- what was written before -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folders",
    [
        committee_folders(shipped_committee("si-pbe"))[:2],
        [Path(__file__).parents[3] / "data" / "bundle-before-engine"],
    ],
    ids=["shipped", "before the engine"],
)
def test_silicon_models_are_what_stock_modules_say_they_are(folders: list[Path], cpu: Any) -> None:
    committee = [load_bundle(folder) for folder in folders]
    crystal = bulk("Si", "diamond", a=5.47, cubic=True)
    rattled = bulk("Si", "diamond", a=5.3) * (2, 1, 1)
    rattled.rattle(0.1, seed=1)
    for dtype, per_atom, force_error, stress_error in (
        (torch.float64, 1e-10, 1e-10, 1e-10),
        (torch.float32, 1e-6, 1e-5, 1e-6),
    ):
        predicted = predict(committee, [crystal, rattled], cpu, dtype)
        models = stack(committee, dtype, cpu)
        batch = models.network.join(models.network.prepare([crystal, rattled]))
        with torch.no_grad():
            stresses = models.network(models.weights, batch).stresses
        for member, bundle in enumerate(committee):
            for index, atoms in enumerate((crystal, rattled)):
                energy, forces, stress = _stock(bundle, atoms, dtype, cpu)
                assert abs(predicted.energies[index, member] - energy) / len(atoms) < per_atom
                np.testing.assert_allclose(predicted.forces[index][member], forces, rtol=0, atol=force_error)
                np.testing.assert_allclose(stresses[member, index], stress, rtol=0, atol=stress_error)
    assert np.abs(predicted.forces[1]).max() > 0.3
    # and it is still silicon: cohesion in the range of PBE (-5.42 eV/atom of GPAW's reference states)
    per_atom_energy = predict(committee, [crystal], cpu).energies[0] / 8
    strained = [crystal.copy(), crystal.copy()]
    for scale, atoms in zip((0.97, 1.03), strained, strict=True):
        atoms.set_cell(crystal.cell.array * scale, scale_atoms=True)
    assert (predict(committee, strained, cpu).energies / 8 > per_atom_energy).all(), "the crystal is not stable"


def test_the_order_of_the_weights_is_that_of_their_names(tiny: Any, cpu: Any) -> None:
    """A checkpoint, and the gradient features of a model, count on it."""
    bundle = seeded_bundle(tiny, ["Ge"], 9.0, 0)
    turned = replace(bundle, weights=dict(reversed(bundle.weights.items())))
    names = [stack([one], torch.float32, cpu).trainable for one in (bundle, turned)]
    assert names[0] == names[1] == tuple(sorted(names[0]))
