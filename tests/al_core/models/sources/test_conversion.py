"""Models of mace as committees: the same energies and forces, and no code in what is kept."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from al_core.errors import BundleError
from al_core.models.bundle import load_bundle
from al_core.models.engine.mace import default_dtype, mace_modules
from al_core.models.prediction import predict
from al_core.models.sources.conversion import convert

pytestmark = pytest.mark.slow  # each file is read by a process that imports mace

ELEMENTS = {"O": 8, "Mg": 12, "Si": 14}


def write_model(path: Path, seed: int = 0, **changes: Any) -> Path:
    """Write what mace-torch saves: a small model of three elements in double precision, with its own first layer."""
    modules = mace_modules()
    from e3nn import o3

    settings: dict[str, Any] = {
        "r_max": 4.0,
        "num_bessel": 6,
        "num_polynomial_cutoff": 6,
        "max_ell": 2,
        "interaction_cls": modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        "interaction_cls_first": modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        "num_interactions": 2,
        "num_elements": 3,
        "hidden_irreps": o3.Irreps("8x0e + 8x1o"),
        "MLP_irreps": o3.Irreps("16x0e"),
        "atomic_energies": np.array([-3.0, -5.0, -7.0]),
        "avg_num_neighbors": 11.0,
        "atomic_numbers": [*ELEMENTS.values()],
        "correlation": 2,
        "gate": torch.nn.functional.silu,
        "radial_MLP": [16, 16],
        "atomic_inter_scale": 40.0,
        "atomic_inter_shift": 0.5,
    }
    with default_dtype(torch.float64), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        torch.save(modules.ScaleShiftMACE(**settings | changes), path)
    return path


def magnesia() -> Any:
    atoms = bulk("MgO", "rocksalt", a=4.2, cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms


@pytest.mark.parametrize("first", ["RealAgnosticInteractionBlock", "RealAgnosticResidualInteractionBlock"])
def test_the_committee_says_what_the_models_say(tmp_path: Path, first: str, cpu: torch.device) -> None:
    """Of one element less than the models have, and in another order."""
    from mace.calculators import MACECalculator

    block = mace_modules().interaction_classes[first]
    files = [write_model(tmp_path / f"{seed}.model", seed, interaction_cls_first=block) for seed in (0, 1)]
    folders = convert(files, ("Mg", "O"), tmp_path / "committee", 3)
    bundles = [load_bundle(folder) for folder in folders]
    assert [bundle.elements for bundle in bundles] == [("Mg", "O")] * 3
    assert bundles[0].architecture.regrouped == ("Residual" not in first)
    atoms = magnesia()
    ours = predict(bundles, [atoms], cpu)
    for number, file in enumerate(files):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms.calc = MACECalculator(model_paths=str(file), device="cpu", default_dtype="float64")
            theirs = (atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())
        assert np.abs(theirs[1]).max() > 1e-3, "else nothing is tested"
        assert ours.energies[0, number] == pytest.approx(theirs[0], abs=1e-4)
        np.testing.assert_allclose(ours.forces[0][number], theirs[1], atol=1e-5 * np.abs(theirs[1]).max())
        np.testing.assert_allclose(ours.stresses[0, number], theirs[2], atol=1e-5 * np.abs(theirs[2]).max())


def test_members_of_one_model_differ_in_their_readouts_alone(tmp_path: Path) -> None:
    first, second = map(load_bundle, convert([write_model(tmp_path / "a.model")], (), tmp_path / "committee", 2))
    assert first.elements == tuple(ELEMENTS)
    changed = {name for name, value in first.weights.items() if not torch.equal(value, second.weights[name])}
    assert changed
    assert all(name.startswith("readouts.") for name in changed)
    again = [load_bundle(folder) for folder in convert([tmp_path / "a.model"], (), tmp_path / "again", 2)]
    assert all(torch.equal(value, again[1].weights[name]) for name, value in second.weights.items())
    card = json.loads((tmp_path / "committee" / "member-1" / "model.json").read_text())
    assert card["converted"]["file"] == "a.model"


class _Harmful:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("harm"),))


def test_what_a_file_does_happens_in_the_other_process_and_what_is_no_model_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": _Harmful()}, tmp_path / "harm.model")
    with pytest.raises(BundleError, match=r"harm.model: no model of mace that can be read: ") as failure:
        convert([tmp_path / "harm.model"], (), tmp_path / "committee", 2)
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "committee").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pair_repulsion": True}, "pair_repulsion is True, expected False"),
        ({"distance_transform": "Agnesi"}, "distance_transform is Agnesi, expected None"),
        ({"gate": torch.nn.functional.tanh}, "gate is tanh, expected silu"),
        ({"correlation": [2, 3]}, "state .*|numbers, expected"),
        ({"hidden": "8x0e + 4x1o"}, r"features 8x0e\+4x1o"),
    ],
)
def test_an_architecture_that_cannot_be_converted_says_why(tmp_path: Path, changes: Any, message: str) -> None:
    from e3nn import o3

    if "hidden" in changes:
        changes = {"hidden_irreps": o3.Irreps(changes["hidden"])}
    write_model(tmp_path / "odd.model", **changes)
    with pytest.raises(BundleError, match=rf"odd.model: an architecture that cannot be converted: .*({message})"):
        convert([tmp_path / "odd.model"], (), tmp_path / "committee", 2)
    assert not (tmp_path / "committee").exists()


def test_models_of_several_architectures_are_no_committee(tmp_path: Path) -> None:
    files = [write_model(tmp_path / "a.model"), write_model(tmp_path / "b.model", r_max=5.0)]
    with pytest.raises(BundleError, match=r"b.model: another architecture or other elements than .*a.model"):
        convert(files, (), tmp_path / "committee", 2)


def test_an_element_that_the_model_does_not_know_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="the model knows no Ge; it knows O, Mg, Si"):
        convert([write_model(tmp_path / "a.model")], ("Si", "Ge"), tmp_path / "committee", 2)
