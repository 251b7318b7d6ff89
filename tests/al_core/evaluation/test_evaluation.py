"""Errors by slice against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from ase import Atoms

from al_core.errors import TrainingError
from al_core.evaluation.errors import errors as committee_errors
from al_core.evaluation.errors import mean_predictions, member_force_maes, slice_errors
from al_core.models.prediction import Predictions
from al_core.storage.hashing import structure_id
from al_core.types import Label
from al_core.uncertainty.calibration import Calibration


def _atoms(n: int, group: str | None) -> Atoms:
    return Atoms("Ge" * n, np.arange(3 * n).reshape(n, 3), info={} if group is None else {"config_type": group})


LABELLED = [
    (_atoms(2, "bulk"), Label(-8.0, np.zeros((2, 3)))),
    (_atoms(1, "vacancy"), Label(-3.0, np.array([[1.0, 0.0, 0.0]]))),
    (_atoms(4, "bulk"), Label(-16.0, np.ones((4, 3)))),
]
# two members; the mean of the energies is off by +2, -1 and +4 eV: +1, -1 and +1 eV/atom
SAID = Predictions(
    energies=np.array([[-7.0, -5.0], [-4.0, -4.0], [-10.0, -14.0]]),
    forces=[
        np.array([np.full((2, 3), 0.3), np.full((2, 3), -0.1)]),  # mean 0.1: off by 0.1 in 6 components
        np.array([[[1.0, 0.0, 0.0]], [[1.0, 0.6, 0.0]]]),  # mean off by 0.3 in 1 of 3 components
        np.array([np.full((4, 3), 1.2), np.full((4, 3), 0.8)]),  # mean exact
    ],
    stresses=np.full((3, 2, 6), np.nan),
)


NO_STRESS = np.full((3, 1, 6), np.nan)
GPA = 1 / 160.21766208  # eV/Å^3


def test_errors_of_each_slice() -> None:
    errors = slice_errors(SAID, LABELLED)
    assert list(errors) == ["all", "bulk", "vacancy"]
    assert errors["bulk"] == {
        "force_mae_meV_per_A": pytest.approx(1e3 * 0.6 / 18),
        "force_rmse_meV_per_A": pytest.approx(1e3 * np.sqrt(0.06 / 18)),
        "energy_mae_meV_per_atom": pytest.approx(1000),
        "energy_rmse_meV_per_atom": pytest.approx(1000),
        "force_deviation_meV_per_A": pytest.approx(1e3 * np.sqrt(3) * (2 * 0.2 + 4 * 0.2) / 6),
        "n_structures": 2,
    }
    assert errors["vacancy"] == {
        "force_mae_meV_per_A": pytest.approx(100),
        "force_rmse_meV_per_A": pytest.approx(1e3 * np.sqrt(0.03)),
        "energy_mae_meV_per_atom": pytest.approx(1000),
        "energy_rmse_meV_per_atom": pytest.approx(1000),
        "force_deviation_meV_per_A": pytest.approx(300),
        "n_structures": 1,
    }
    # the mean of the slices, not that of all components: a slice of large cells counts no more than others
    assert errors["all"]["force_mae_meV_per_A"] == pytest.approx((1e3 * 0.6 / 18 + 100) / 2)
    assert errors["all"]["force_rmse_meV_per_A"] == pytest.approx(1e3 * np.sqrt((0.06 / 18 + 0.03) / 2))
    assert errors["all"]["force_deviation_meV_per_A"] == pytest.approx((1e3 * np.sqrt(3) * 0.2 + 300) / 2)
    assert errors["all"]["n_structures"] == 3


def test_energy_errors_are_per_atom_of_each_structure() -> None:
    said = Predictions(np.array([[-8.0], [-3.0], [-12.0]]), [np.zeros((1, n, 3)) for n in (2, 1, 4)], NO_STRESS)
    errors = slice_errors(said, [(_atoms(len(atoms), None), label) for atoms, label in LABELLED])["all"]
    assert errors["energy_mae_meV_per_atom"] == pytest.approx(1e3 / 3)
    assert errors["energy_rmse_meV_per_atom"] == pytest.approx(1e3 / np.sqrt(3))


def _stressed(stresses: list[float | None], groups: tuple[str, ...], pbc: bool = True) -> list[tuple[Atoms, Label]]:
    """Return structures whose label has the same stress, GPa, along all three axes."""
    labels = [
        Label(0.0, np.zeros((1, 3)), None if one is None else np.array([one, one, one, 0, 0, 0]) * GPA)
        for one in stresses
    ]
    cells = [Atoms("Ge", cell=[3, 3, 3], pbc=pbc, info={"config_type": group}) for group in groups]
    return list(zip(cells, labels, strict=True))


def _predicted(stresses: list[list[float]]) -> Predictions:
    """Return predictions of one member, the six components of each stress in GPa."""
    count = len(stresses)
    return Predictions(np.zeros((count, 1)), [np.zeros((1, 1, 3))] * count, GPA * np.array(stresses)[:, None])


def test_the_errors_of_stress_and_pressure() -> None:
    said = _predicted([[1, 1, 1, 0, 0, 0], [-2, -2, -2, 0.6, 0, 0], [0.5, 0.2, -0.1, 0, 0, 0]])
    errors = slice_errors(said, _stressed([0.0, -1.0, 0.0], ("hot", "hot", "cold")))
    # the first is under tension where the label has none: its pressure is 1 GPa too low, that of the second too high
    assert errors["hot"]["stress_mae_GPa"] == pytest.approx((3 + 3.6) / 12)
    assert errors["hot"]["pressure_bias_GPa"] == pytest.approx(0)
    assert errors["cold"]["stress_mae_GPa"] == pytest.approx(0.8 / 6)
    assert errors["cold"]["pressure_bias_GPa"] == pytest.approx(-0.2)
    assert errors["all"]["stress_mae_GPa"] == pytest.approx((6.6 / 12 + 0.8 / 6) / 2)
    assert errors["all"]["pressure_bias_GPa"] == pytest.approx(-0.1)


def test_labels_without_a_stress_are_left_out_of_its_errors() -> None:
    said = _predicted([[1, 1, 1, 0, 0, 0]] * 3)
    errors = slice_errors(said, _stressed([0.0, None, None], ("hot", "hot", "cold")))
    assert errors["hot"]["stress_mae_GPa"] == errors["all"]["stress_mae_GPa"] == pytest.approx(0.5)
    assert errors["all"]["pressure_bias_GPa"] == pytest.approx(-1)
    assert "stress_mae_GPa" not in errors["cold"]
    assert "pressure_bias_GPa" not in errors["cold"]
    assert "stress_mae_GPa" not in slice_errors(said, _stressed([0.0] * 3, ("a",) * 3, pbc=False))["all"]


def test_a_cell_of_many_atoms_drowns_no_other_slice() -> None:
    sizes = {"small": 1, "large": 99}
    labelled = [(_atoms(n, name), Label(0.0, np.zeros((n, 3)))) for name, n in sizes.items()]
    forces = [np.full((1, 1, 3), 0.3), np.full((1, 99, 3), 0.1)]
    said = Predictions(np.zeros((2, 1)), forces, NO_STRESS[:2])
    assert slice_errors(said, labelled)["all"]["force_mae_meV_per_A"] == pytest.approx(200)
    assert member_force_maes(said, labelled) == [pytest.approx(200)]
    # in one slice each component counts once
    together = [(_atoms(len(atoms), "one"), label) for atoms, label in labelled]
    assert slice_errors(said, together)["all"]["force_mae_meV_per_A"] == pytest.approx(102)


def test_a_structure_that_is_periodic_in_two_directions_has_no_stress() -> None:
    labelled = _stressed([0.0, 0.0], ("a", "a"))
    labelled[1][0].pbc = (True, True, False)
    said = _predicted([[1, 1, 1, 0, 0, 0], [np.nan] * 6])
    assert slice_errors(said, labelled)["a"]["pressure_bias_GPa"] == pytest.approx(-1)


@pytest.mark.parametrize(("pbc", "refused"), [(True, True), ((True, True, False), False)])
def test_a_stress_that_is_not_finite_is_a_model_that_diverged(
    monkeypatch: pytest.MonkeyPatch, pbc: bool | tuple[bool, ...], refused: bool
) -> None:
    labelled = _stressed([None], ("a",))
    labelled[0][0].pbc = pbc
    monkeypatch.setitem(committee_errors.__globals__, "predict", lambda *_: _predicted([[np.nan] * 6]))
    if refused:
        with pytest.raises(TrainingError, match="not finite"):
            committee_errors([], labelled, torch.device("cpu"))
    else:
        assert "stress_mae_GPa" not in committee_errors([], labelled, torch.device("cpu"))[0]["metrics"]["all"]


def test_structures_without_a_slice_count_in_all_only() -> None:
    labelled = [
        (_atoms(len(atoms), None if number else "bulk"), label) for number, (atoms, label) in enumerate(LABELLED)
    ]
    errors = slice_errors(SAID, labelled)
    assert {name: values["n_structures"] for name, values in errors.items()} == {"all": 3, "bulk": 1}
    plain = slice_errors(SAID, [(_atoms(len(atoms), None), label) for atoms, label in LABELLED])
    assert list(plain) == ["all"]


def test_a_slice_named_by_a_number_is_a_slice() -> None:
    labelled = [(atoms.copy(), label) for atoms, label in LABELLED]
    for (atoms, _), temperature in zip(labelled, (300, 600, 300), strict=True):
        atoms.info["config_type"] = temperature
    errors = slice_errors(SAID, labelled)
    assert {name: values["n_structures"] for name, values in errors.items()} == {"all": 3, "300": 2, "600": 1}


def test_the_errors_of_the_single_members() -> None:
    # bulk, 18 components: 6 x 0.3 + 12 x 0.2 and 6 x 0.1 + 12 x 0.2; vacancy, three: 0 and 0.6; mean of both slices
    expected = [1e3 * (4.2 / 18 + 0) / 2, 1e3 * (3.0 / 18 + 0.2) / 2]
    assert member_force_maes(SAID, LABELLED) == [pytest.approx(value) for value in expected]


def test_the_predictions_that_are_kept_are_the_committee_s_mean() -> None:
    structures = [atoms for atoms, _ in LABELLED]
    kept = mean_predictions(SAID, structures)
    assert list(kept["structures"]) == [structure_id(atoms) for atoms in structures]
    np.testing.assert_allclose(kept["energies"], [-3.0, -4.0, -3.0])
    assert kept["forces"].dtype == kept["deviations"].dtype == np.float32
    np.testing.assert_allclose(kept["forces"][:3], [[0.1] * 3, [0.1] * 3, [1.0, 0.3, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(kept["deviations"], [np.sqrt(0.12)] * 2 + [0.3] + [np.sqrt(0.12)] * 4, rtol=1e-6)
    assert len(kept["forces"]) == len(kept["deviations"]) == 7


def test_labels_of_other_structures_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        slice_errors(SAID, LABELLED[:2])


def test_with_a_calibration_errors_come_with_the_expected_ones() -> None:
    """In `bulk` the members are 0.2 from their mean, in `vacancy` 0.3 in one of three components."""
    found = slice_errors(SAID, LABELLED, Calibration(2.0, 9, ((0.68, 1.0), (0.90, 0.4), (0.95, 3.0))))
    normal = 2.0 * np.sqrt(2 / np.pi)
    assert found["bulk"]["expected_force_mae_meV_per_A"] == pytest.approx(1e3 * normal * 0.2)
    assert found["vacancy"]["expected_force_mae_meV_per_A"] == pytest.approx(1e3 * normal * 0.3 / np.sqrt(3))
    # bulk: one structure is off by 0.1 = 0.25 expected deviations, the other is exact; both count the same
    assert found["bulk"]["force_zms"] == pytest.approx(0.25**2 / 2)
    assert found["bulk"]["force_coverage_of_90_percent"] == pytest.approx(100)
    # vacancy: one component of three is off by 0.3, the expected deviation is 2 x 0.3 / sqrt(3)
    assert found["vacancy"]["force_zms"] == pytest.approx((np.sqrt(3) / 2) ** 2 / 3)
    assert found["vacancy"]["force_coverage_of_90_percent"] == pytest.approx(200 / 3)
    assert found["all"]["force_coverage_of_90_percent"] == pytest.approx((100 + 200 / 3) / 2)


def test_without_a_calibration_nothing_is_expected() -> None:
    assert not {"expected_force_mae_meV_per_A", "force_zms"} & set(slice_errors(SAID, LABELLED)["all"])
