"""The contract of every arm, and what each promises beyond it."""

from typing import Any

import numpy as np
import pytest
import torch

from al_core.config.training import Architecture
from al_core.models.arms import ARMS
from al_core.models.bundle import Bundle, load_bundle, save_bundle
from al_core.models.engine.mace import build
from al_core.models.prediction import predict

# buffers that relabelling and E0 are about; everything else of a transferred model is the source's
CHANGED_BY_TRANSFER = {"atomic_numbers", "atomic_energies_fn.atomic_energies"}


def _same(first: Bundle, second: Bundle) -> bool:
    assert set(first.weights) == set(second.weights)
    return all(
        first.weights[name].dtype == second.weights[name].dtype
        and torch.equal(first.weights[name], second.weights[name])
        for name in first.weights
    )


def _learned(bundle: Bundle, cpu: Any) -> dict[str, torch.Tensor]:
    """The parameters of a model, without constants such as coupling coefficients and cutoffs."""
    names = [name for name, _ in build(bundle, torch.float32, cpu).named_parameters()]
    return {name: bundle.weights[name] for name in names if bundle.weights[name].numel() > 1}


def _correlation(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    def flat(weights: dict[str, torch.Tensor]) -> np.ndarray:
        parts = [weights[name].double().ravel() for name in sorted(weights)]
        return np.concatenate([(part / part.norm()).numpy() for part in parts])

    return float(np.corrcoef(flat(first), flat(second))[0, 1])


@pytest.mark.parametrize("n_labels", [0, 1, 5])
@pytest.mark.parametrize("arm", ARMS)
def test_a_start_is_a_committee_of_the_target(
    source: Any, ge_labelled: Any, cells: Any, cpu: Any, arm: str, n_labels: int
) -> None:
    starts = ARMS[arm](source, ge_labelled[:n_labels], "Ge", 0, cpu)
    assert len(starts) == len(source)
    for start, bundle in zip(starts, source, strict=True):
        assert start.elements == ("Ge",)
        assert start.weights["atomic_numbers"].tolist() == [32]
        assert start.architecture == bundle.architecture
        assert all(tensor.isfinite().all() for tensor in start.weights.values())
    predicted = predict(starts, [cells["rattled"], cells["vacancy"]], cpu)
    assert np.isfinite(predicted.energies).all()
    deviation = [np.abs(forces[0] - forces[1]).max() for forces in predicted.forces]
    assert min(deviation) > 1e-3, "the members are one model"


@pytest.mark.parametrize("arm", ARMS)
def test_a_start_survives_a_bundle_bit_for_bit(
    source: Any, ge_labelled: Any, cells: Any, cpu: Any, arm: str, tmp_path: Any
) -> None:
    starts = ARMS[arm](source, ge_labelled[:2], "Ge", 0, cpu)
    for number, start in enumerate(starts):
        save_bundle(start, tmp_path / str(number))
    loaded = [load_bundle(tmp_path / str(number)) for number in range(len(starts))]
    for before, after in zip(starts, loaded, strict=True):
        assert _same(before, after)
        assert (after.elements, after.architecture, after.info) == (before.elements, before.architecture, before.info)
        assert after.avg_num_neighbors == before.avg_num_neighbors
    predicted, again = (predict(committee, [cells["rattled"]], cpu) for committee in (starts, loaded))
    assert np.array_equal(predicted.energies, again.energies)
    assert np.array_equal(predicted.forces[0], again.forces[0])


@pytest.mark.parametrize("arm", ARMS)
def test_arguments_are_left_alone(source: Any, ge_labelled: Any, cpu: Any, arm: str) -> None:
    weights = [{name: tensor.clone() for name, tensor in bundle.weights.items()} for bundle in source]
    infos = [dict(bundle.info) for bundle in source]
    structures = [(atoms.copy(), label.energy, label.forces.copy()) for atoms, label in ge_labelled]
    ARMS[arm](source, ge_labelled, "Ge", 0, cpu)
    for bundle, before, info in zip(source, weights, infos, strict=True):
        assert all(torch.equal(bundle.weights[name], before[name]) for name in before)
        assert (bundle.elements, bundle.info) == (("Si",), info)
    for (atoms, label), (copy, energy, forces) in zip(ge_labelled, structures, strict=True):
        assert atoms == copy
        assert atoms.info == copy.info
        assert label.energy == energy
        assert np.array_equal(label.forces, forces)


@pytest.mark.parametrize("arm", ARMS)
def test_the_same_seed_gives_the_same_start(source: Any, ge_labelled: Any, cpu: Any, arm: str) -> None:
    first = ARMS[arm](source, ge_labelled, "Ge", 3, cpu)
    torch.manual_seed(99)  # an arm's randomness is its seed, whatever the process has drawn
    second = ARMS[arm](source, ge_labelled, "Ge", 3, cpu)
    assert all(_same(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("arm", ARMS)
def test_the_target_e0_is_fitted(source: Any, ge_labelled: Any, cpu: Any, arm: str) -> None:
    starts = ARMS[arm](source, ge_labelled, "Ge", 0, cpu)
    predicted = predict(starts, [atoms for atoms, _ in ge_labelled], cpu).energies
    for member in predicted.T:
        errors = [(e - label.energy) / len(atoms) for e, (atoms, label) in zip(member, ge_labelled, strict=True)]
        assert abs(np.mean(errors)) < 1e-6


@pytest.mark.parametrize("n_labels", [0, 3])
def test_scratch_shares_no_weight_with_the_source(source: Any, ge_labelled: Any, cpu: Any, n_labels: int) -> None:
    committees = [ARMS["scratch"](source, ge_labelled[:n_labels], "Ge", seed, cpu) for seed in (0, 1)]
    source_weights = [_learned(bundle, cpu) for bundle in source]
    fresh = [_learned(bundle, cpu) for committee in committees for bundle in committee]
    assert len(fresh[0]) > 10
    for weights in fresh:
        for known in source_weights:
            assert not [name for name in weights if torch.equal(weights[name], known[name])]
            assert abs(_correlation(weights, known)) < 0.2
    # every seed and every member is a model of its own
    for number, first in enumerate(fresh):
        for second in fresh[number + 1 :]:
            assert not [name for name in first if torch.equal(first[name], second[name])]


def test_a_source_start_would_be_noticed(source: Any, ge_labelled: Any, cpu: Any) -> None:
    """The check above can fail: on the arm that does start from the source."""
    start = ARMS["rescaled"](source, ge_labelled, "Ge", 0, cpu)[0]
    assert _correlation(_learned(start, cpu), _learned(source[0], cpu)) > 0.99


def test_scratch_takes_its_statistics_from_the_labels(source: Any, ge_labelled: Any, cpu: Any) -> None:
    start = ARMS["scratch"](source, ge_labelled, "Ge", 0, cpu)[0]
    forces = np.concatenate([label.forces.ravel() for _, label in ge_labelled])
    assert float(start.weights["scale_shift.scale"]) == pytest.approx(np.sqrt((forces**2).mean()), rel=1e-6)
    assert 4 < start.avg_num_neighbors < 30
    still = [(atoms, type(label)(label.energy, 0 * label.forces)) for atoms, label in ge_labelled]
    assert float(ARMS["scratch"](source, still, "Ge", 0, cpu)[0].weights["scale_shift.scale"]) == pytest.approx(0.1)


def test_scratch_works_on_a_cluster(source: Any, cells: Any, cpu: Any) -> None:
    from ase import Atoms

    from al_core.types import Label

    cluster = Atoms("Ge3", cells["rattled"].positions[:3])  # no cell at all
    start = ARMS["scratch"](source, [(cluster, Label(-9.0, np.ones((3, 3))))], "Ge", 0, cpu)[0]
    assert predict([start], [cluster], cpu).energies[0, 0] == pytest.approx(-9.0, abs=1e-5)


@pytest.mark.parametrize("n_labels", [0, 3])
def test_transfer_shares_every_weight_but_e0(source: Any, ge_labelled: Any, cpu: Any, n_labels: int) -> None:
    starts = ARMS["transfer"](source, ge_labelled[:n_labels], "Ge", 0, cpu)
    for start, bundle in zip(starts, source, strict=True):
        changed = {name for name in start.weights if not torch.equal(start.weights[name], bundle.weights[name])}
        assert changed == (CHANGED_BY_TRANSFER if n_labels else {"atomic_numbers"})
        assert start.avg_num_neighbors == bundle.avg_num_neighbors


def test_rescaled_changes_only_cutoffs_and_scales(source: Any, ge_labelled: Any, cpu: Any) -> None:
    start = ARMS["rescaled"](source, ge_labelled, "Ge", 0, cpu)[0]
    changed = {name for name in start.weights if not torch.equal(start.weights[name], source[0].weights[name])}
    assert {name for name in changed if not name.startswith(("radial_embedding.", "scale_shift."))} == {
        *CHANGED_BY_TRANSFER,
        "r_max",
    }


def test_scratch_ignores_what_the_source_learned(source: Any, ge_labelled: Any, cpu: Any, tiny: Architecture) -> None:
    from dataclasses import replace

    spoiled = [replace(bundle, weights={k: v * 0 for k, v in bundle.weights.items()}) for bundle in source]
    first, second = (ARMS["scratch"](origin, ge_labelled, "Ge", 0, cpu) for origin in (source, spoiled))
    assert all(_same(a, b) for a, b in zip(first, second, strict=True))
