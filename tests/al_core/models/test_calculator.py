"""The committee as an ASE calculator: the same numbers as everywhere else, and a dynamics that conserves energy."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import read, write
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.stress import full_3x3_to_voigt_6_stress

from al_core.errors import BundleError
from al_core.models.bundle import Bundle, save_bundle
from al_core.models.calculator import CommitteeCalculator
from al_core.models.committee import CALIBRATION
from al_core.models.engine.mace import export
from al_core.models.engine.stack import alike, stack
from al_core.models.prediction import predict
from al_core.models.rescaling import Rescaling, relabel, rescale
from al_core.storage.files import write_json
from al_core.uncertainty.calibration import Calibration
from tests.helpers import strained


@pytest.fixture(scope="module")
def committee(source: Any) -> list[Bundle]:
    """Three Ge models; the one in the middle has another cutoff."""
    ge = [rescale(relabel(bundle, "Ge"), Rescaling(1.04, 0.9)) for bundle in source]
    return [ge[0], rescale(ge[1], Rescaling(1.02, 1.1)), ge[1]]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-5)])
def test_it_says_what_predictions_say(
    committee: Any, cells: Any, cpu: Any, dtype: torch.dtype, tolerance: float
) -> None:
    assert alike(committee) == [[0, 2], [1]]
    calculator = CommitteeCalculator(committee, cpu, dtype)
    for name, cell in cells.items():
        atoms = cell.copy()
        atoms.calc = calculator
        predicted = predict(committee, [atoms], cpu)
        assert atoms.get_potential_energy() == pytest.approx(predicted.energies[0].mean(), abs=tolerance), name
        assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
        np.testing.assert_allclose(atoms.get_forces(), predicted.forces[0].mean(axis=0), rtol=0, atol=tolerance)
        spread = np.sqrt(np.square(predicted.forces[0] - predicted.forces[0].mean(axis=0)).mean(axis=0))
        np.testing.assert_allclose(calculator.get_property("forces_std", atoms), spread, rtol=0, atol=tolerance)
        assert atoms == cell, "the structure was changed"
        if name == "rattled":
            assert spread.max() > 1e-2


def _members(results: dict[str, Any], k: int) -> np.ndarray:
    """Return the result that is an energy for each of k members."""
    (found,) = [value for value in results.values() if np.shape(value) == (k,)]
    return np.asarray(found)


def test_the_energies_of_the_members_are_in_their_order(committee: Any, cells: Any, cpu: Any) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee, cpu, torch.float64)
    atoms.get_potential_energy()
    predicted = predict(committee, [atoms], cpu)
    np.testing.assert_allclose(_members(atoms.calc.results, 3), predicted.energies[0], rtol=0, atol=1e-9)


def test_a_trajectory_can_be_written(committee: Any, cells: Any, cpu: Any, tmp_path: Path) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee, cpu)
    forces = atoms.get_forces()
    write(tmp_path / "md.extxyz", [atoms, atoms])
    again = read(tmp_path / "md.extxyz", index=1)
    assert again.get_potential_energy() == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(again.get_forces(), forces, rtol=0, atol=1e-6)
    np.testing.assert_allclose(again.get_stress(), atoms.get_stress(), rtol=0, atol=1e-6)


def test_one_model_has_no_spread(committee: Any, cells: Any, cpu: Any) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee[:1], cpu)
    assert np.abs(atoms.get_forces()).max() > 0.1
    assert np.array_equal(atoms.calc.get_property("forces_std", atoms), np.zeros((len(atoms), 3)))


def test_stress_is_the_slope_of_the_mean_energy(committee: Any, cells: Any, cpu: Any) -> None:
    atoms, h = cells["rattled"].copy(), 1e-5
    atoms.calc = CommitteeCalculator(committee, cpu, torch.float64)
    stress = atoms.get_stress()
    for index, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            copy = strained(atoms, a, b, sign * h)
            copy.calc = atoms.calc
            energies.append(copy.get_potential_energy())
        assert stress[index] == pytest.approx((energies[0] - energies[1]) / (2 * h * atoms.get_volume()), abs=1e-6)
    assert np.abs(stress).max() > 1e-3


def test_predicted_stresses_are_those_of_the_calculator(committee: Any, cells: Any, cpu: Any) -> None:
    periodic = [cells["rattled"].copy(), cells["vacancy"].copy()]
    predicted = predict(committee, [*periodic, cells["cluster"]], cpu).stresses
    assert predicted.shape == (3, len(committee), 6)
    for atoms, stresses in zip(periodic, predicted, strict=False):
        atoms.calc = CommitteeCalculator(committee, cpu, torch.float64)
        np.testing.assert_allclose(stresses.mean(axis=0), atoms.get_stress(), rtol=0, atol=1e-9)
        assert np.ptp(stresses, axis=0).max() > 1e-6, "each member has its own"
    assert np.isnan(predicted[2]).all()


def test_a_cluster_has_no_stress(committee: Any, cells: Any, cpu: Any) -> None:
    calculator = CommitteeCalculator(committee, cpu)
    periodic, cluster = cells["rattled"].copy(), cells["cluster"].copy()
    for atoms in (periodic, cluster):
        atoms.calc = calculator
    periodic.get_stress()
    with pytest.raises(PropertyNotImplementedError):
        cluster.get_stress()


def test_it_follows_the_atoms(committee: Any, cells: Any, cpu: Any) -> None:
    """A change of positions, cell or periodicity is seen; without one nothing is computed again."""
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee, cpu)
    results = [atoms.get_potential_energy()]
    kept = atoms.calc.results
    atoms.get_forces()
    assert atoms.calc.results is kept
    atoms.positions[0, 0] += 0.05
    results.append(atoms.get_potential_energy())
    atoms.set_cell(atoms.cell.array * 1.01)
    results.append(atoms.get_potential_energy())
    atoms.pbc = (True, True, False)
    results.append(atoms.get_potential_energy())
    assert len({round(energy, 4) for energy in results}) == 4


def test_dynamics_conserves_the_energy(committee: Any, cells: Any, cpu: Any) -> None:
    """The total energy of velocity Verlet wavers with the square of the time step, and does not drift."""
    wavering = []
    for time_step in (2.0, 1.0):
        atoms = cells["perfect"].copy()
        thermalize_momenta(atoms, temperature_K=600, rng=np.random.default_rng(1))
        atoms.calc = CommitteeCalculator(committee, cpu, torch.float64)
        dynamics = VelocityVerlet(atoms, time_step * units.fs)
        kinetic, total = [], []
        for _ in range(round(40 / time_step)):
            dynamics.run(1)
            kinetic.append(atoms.get_kinetic_energy())
            total.append(atoms.get_total_energy())
        assert np.ptp(kinetic) > 0.05, "nothing happens"
        wavering.append(np.ptp(total))
    assert wavering[0] < 0.02 * np.ptp(kinetic)
    assert wavering[1] == pytest.approx(wavering[0] / 4, rel=0.4)


@pytest.mark.usefixtures("default_dtype")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_it_says_what_mace_says_of_exported_models(source: Any, cells: Any, cpu: Any, tmp_path: Path) -> None:
    for number, bundle in enumerate(source):
        export(bundle, tmp_path / f"{number}.model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mace.calculators import MACECalculator

        stock = MACECalculator(model_paths=sorted(map(str, tmp_path.iterdir())), device="cpu", default_dtype="float64")
    atoms = cells["rattled"].copy()
    atoms.symbols[:] = "Si"
    theirs, mine = atoms.copy(), atoms.copy()
    theirs.calc = stock
    mine.calc = CommitteeCalculator(source, cpu, torch.float64)
    assert mine.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-5)
    np.testing.assert_allclose(mine.get_forces(), theirs.get_forces(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(mine.get_stress(), theirs.get_stress(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(_members(mine.calc.results, 2), stock.results["energy_comm"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(mine.calc.results["forces_std"], stock.results["forces_comm"].std(0), atol=1e-5)


def test_the_stress_is_the_mean_over_groups(committee: Any, cells: Any, cpu: Any) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee, cpu, torch.float64)
    each = []
    for bundle in committee:
        models = stack([bundle], torch.float64, cpu)
        with torch.no_grad():
            predicted = models.network(models.weights, models.network.join(models.network.prepare([atoms])))
        each.append(full_3x3_to_voigt_6_stress(predicted.stresses[0, 0].numpy()))
    np.testing.assert_allclose(atoms.get_stress(), np.mean(each, axis=0), rtol=0, atol=1e-12)


# ---- with a calibration ---------------------------------------------------------------------------------------------


def test_without_a_calibration_forces_have_no_expected_error(committee: Any, cells: Any, cpu: Any) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee, cpu)
    atoms.get_forces()
    assert "forces_uncertainty" not in atoms.calc.results
    with pytest.raises(PropertyNotImplementedError):
        atoms.calc.get_property("forces_uncertainty", atoms)


def _moderated(disagreement: np.ndarray) -> np.ndarray:
    """Half the variance of each atom, half of all atoms of the structure."""
    variance = disagreement**2
    return np.asarray(np.sqrt((variance + variance.mean()) / 2))


def test_the_uncertainty_of_forces_is_the_disagreement_times_the_scale(committee: Any, cells: Any, cpu: Any) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee, cpu, torch.float64, Calibration(2.5))
    found = atoms.calc.get_property("forces_uncertainty", atoms)
    disagreement = np.sqrt((atoms.calc.get_property("forces_std", atoms) ** 2).sum(axis=1))
    assert disagreement.min() > 0.01, "above what counts as nothing"
    np.testing.assert_allclose(found, 2.5 * _moderated(disagreement), rtol=1e-9)


def test_a_single_model_is_at_least_as_uncertain_as_labels_are(committee: Any, cells: Any, cpu: Any) -> None:
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator(committee[:1], cpu, calibration=Calibration(2.0))
    np.testing.assert_allclose(atoms.calc.get_property("forces_uncertainty", atoms), 2.0 * np.sqrt(3) * 0.002)


def test_members_of_several_structures_are_those_of_each(committee: Any, cells: Any, cpu: Any) -> None:
    calculator = CommitteeCalculator(committee, cpu, torch.float64)
    structures = [cells["rattled"], cells["vacancy"]] * 40  # more than go into one batch
    energies, forces, stresses = calculator.members(structures)
    assert (energies.shape, forces.shape, stresses.shape) == ((3, 80), (3, 15 * 40, 3), (3, 80, 3, 3))
    ends = np.cumsum([len(atoms) for atoms in structures])[:-1]
    for number in (0, 1, 79):
        atoms = structures[number].copy()
        atoms.calc = calculator
        np.testing.assert_allclose(energies[:, number].mean(), atoms.get_potential_energy(), rtol=1e-10)
        own = np.split(forces, ends, axis=1)[number]
        np.testing.assert_allclose(own.mean(axis=0), atoms.get_forces(), atol=1e-9)
        np.testing.assert_allclose(own.std(axis=0), calculator.get_property("forces_std", atoms), atol=1e-9)
        stress = full_3x3_to_voigt_6_stress(stresses[:, number].mean(axis=0))
        np.testing.assert_allclose(stress, atoms.get_stress(), atol=1e-9)


def test_a_folder_is_a_calculator_with_its_calibration(source: Any, cells: Any, cpu: Any, tmp_path: Path) -> None:
    for number, bundle in enumerate(source):
        save_bundle(relabel(bundle, "Ge"), tmp_path / f"member-{number}")
    atoms = cells["rattled"].copy()
    atoms.calc = CommitteeCalculator.of_folder(tmp_path, "cpu", torch.float64)
    mean = predict([relabel(bundle, "Ge") for bundle in source], [atoms], cpu).forces[0].mean(axis=0)
    np.testing.assert_allclose(atoms.get_forces(), mean, atol=1e-9)
    assert "forces_uncertainty" not in atoms.calc.results
    write_json(tmp_path / CALIBRATION, Calibration(2.5).as_dict())
    calculator = CommitteeCalculator.of_folder(tmp_path, "cpu")
    disagreement = np.sqrt((calculator.get_property("forces_std", atoms) ** 2).sum(axis=1))
    found = calculator.get_property("forces_uncertainty", atoms)
    np.testing.assert_allclose(found, 2.5 * _moderated(disagreement), rtol=1e-4)


def test_a_single_bundle_is_a_folder_too(source: Any, cells: Any, cpu: Any, tmp_path: Path) -> None:
    save_bundle(source[0], tmp_path / "one")
    atoms = cells["rattled"].copy()
    atoms.symbols[:] = "Si"
    atoms.calc = CommitteeCalculator.of_folder(tmp_path / "one", "cpu", torch.float64)
    np.testing.assert_allclose(atoms.get_forces(), predict(source[:1], [atoms], cpu).forces[0][0], atol=1e-9)
    with pytest.raises(BundleError, match="no such folder"):
        CommitteeCalculator.of_folder(tmp_path / "two")
