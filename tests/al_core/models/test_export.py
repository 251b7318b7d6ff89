"""An exported model is the same potential in mace-torch's own calculator."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from al_core.models.arms import ARMS
from al_core.models.arms.scratch import initial_model
from al_core.models.bundle import Bundle, save_bundle
from al_core.models.engine.mace import export
from al_core.models.prediction import predict
from al_core.models.rescaling import with_atomic_energies, with_scale

pytestmark = [pytest.mark.usefixtures("default_dtype")]

CELLS = ("perfect", "rattled", "vacancy", "one atom")
GRAFT, CONVERTER = (Path(sys.executable).with_name(name) for name in ("graft", "mace_create_lammps_model"))
ENERGY_EV, FORCE_EV_PER_A = 1e-5, 1e-4


@pytest.fixture(scope="module")
def starts(source: Any, ge_labelled: Any, cpu: Any) -> dict[str, Bundle]:
    return {arm: start(source, ge_labelled, "Ge", 0, cpu)[0] for arm, start in ARMS.items()}


def _calculator(path: Path) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mace.calculators import MACECalculator

        return MACECalculator(model_paths=str(path), device="cpu", default_dtype="float64")


def _assert_same_potential(bundle: Bundle, path: Path, cells: Any, cpu: Any) -> None:
    calculator = _calculator(path)
    for name in CELLS:
        atoms = cells[name].copy()
        predicted = predict([bundle], [atoms], cpu)
        atoms.calc = calculator
        assert atoms.get_potential_energy() == pytest.approx(predicted.energies[0, 0], abs=ENERGY_EV), name
        np.testing.assert_allclose(
            atoms.get_forces(), predicted.forces[0][0], rtol=0, atol=FORCE_EV_PER_A, err_msg=name
        )
    assert np.abs(predict([bundle], [cells["rattled"]], cpu).forces[0]).max() > 0.1  # else nothing is compared


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("arm", ARMS)
def test_an_exported_model_is_the_same_potential(
    starts: dict[str, Bundle], cells: Any, cpu: Any, arm: str, tmp_path: Path
) -> None:
    state = torch.get_rng_state()
    export(starts[arm], tmp_path / "m.model")
    assert torch.equal(torch.get_rng_state(), state), "the process's random numbers were touched"
    assert [path.name for path in tmp_path.iterdir()] == ["m.model"]
    _assert_same_potential(starts[arm], tmp_path / "m.model", cells, cpu)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_an_exported_model_of_a_compound_is_the_same_potential(tiny: Any, cpu: Any, tmp_path: Path) -> None:
    start = with_scale(initial_model(tiny, [], ("O", "Mg"), 1, cpu), 400.0)
    bundle = with_atomic_energies(start, np.array([-3.0, -5.0]))
    export(bundle, tmp_path / "mgo.model")
    atoms = bulk("MgO", "rocksalt", a=4.2, cubic=True)
    atoms.rattle(0.1, seed=1)
    del atoms[0]
    predicted = predict([bundle], [atoms], cpu)
    atoms.calc = _calculator(tmp_path / "mgo.model")
    assert atoms.get_potential_energy() == pytest.approx(predicted.energies[0, 0], abs=ENERGY_EV)
    np.testing.assert_allclose(atoms.get_forces(), predicted.forces[0][0], rtol=0, atol=FORCE_EV_PER_A)
    assert np.abs(predicted.forces[0]).max() > 0.05  # else nothing is compared


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_graft_export(starts: dict[str, Bundle], cells: Any, cpu: Any, tmp_path: Path) -> None:
    save_bundle(starts["rescaled"], tmp_path / "bundle")
    done = subprocess.run(
        [GRAFT, "export", "--bundle", tmp_path / "bundle", "--out", tmp_path / "out" / "ge.model"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("ge.model")
    _assert_same_potential(starts["rescaled"], tmp_path / "out" / "ge.model", cells, cpu)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_an_exported_model_names_the_basis_of_its_weights(starts: dict[str, Bundle], tmp_path: Path) -> None:
    export(starts["transfer"], tmp_path / "m.model")
    model = torch.load(tmp_path / "m.model", weights_only=False)
    # mace builds its accelerated models by this, for LAMMPS's ML-IAP too; where it is wrong, the weights do not fit
    assert model.use_reduced_cg is False


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_mace_makes_of_an_exported_model_one_for_lammps(starts: dict[str, Bundle], cells: Any, tmp_path: Path) -> None:
    export(starts["rescaled"], tmp_path / "ge.model")
    done = subprocess.run([CONVERTER, "ge.model"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    converted = torch.jit.load(tmp_path / "ge.model-lammps.pt")
    calculator = _calculator(tmp_path / "ge.model")
    for name in CELLS:
        atoms = cells[name].copy()
        atoms.calc = calculator
        every_atom = torch.ones(len(atoms), dtype=torch.float64)  # is this process's own, as with one process
        inputs = calculator._atoms_to_batch(atoms).to_dict()
        predicted = converted(inputs, every_atom, compute_virials=True)
        assert predicted["total_energy_local"].item() == pytest.approx(atoms.get_potential_energy(), abs=1e-9), name
        np.testing.assert_allclose(predicted["forces"], atoms.get_forces(), rtol=0, atol=1e-9, err_msg=name)
        virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
        np.testing.assert_allclose(predicted["virials"][0], virial, rtol=0, atol=1e-8, err_msg=name)


def test_graft_export_refuses_what_is_no_bundle(tmp_path: Path) -> None:
    done = subprocess.run(
        [GRAFT, "export", "--bundle", tmp_path, "--out", tmp_path / "x.model"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no model bundle" in done.stderr
    assert list(tmp_path.iterdir()) == []
