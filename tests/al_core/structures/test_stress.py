"""Unit and meaning of stresses: what is right is accepted, what is not is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk

from al_core.structures.datasets import LabelKeys, bundled, bundled_names, labelled_structures
from al_core.structures.stress import UNITS, doubt, of_virial, voigt
from al_core.types import Label
from tests.helpers import strained

Labelled = list[tuple[Atoms, Label]]
WRONG: dict[str, tuple[Callable[[np.ndarray, float], np.ndarray], str]] = {
    "virial": (lambda stress, volume: -stress * volume, "virials in eV"),
    "stress times volume": (lambda stress, volume: stress * volume, "stresses times volume, in eV"),
    "kbar": (lambda stress, volume: stress / units.GPa * 10, "stresses in kbar"),
    "GPa": (lambda stress, volume: stress / units.GPa, "stresses in GPa"),
    "other sign": (lambda stress, volume: -stress, "stresses of the other sign"),
    "kbar of the other sign": (lambda stress, volume: -stress / units.GPa * 10, "stresses in kbar of the other sign"),
}


def wrong(labelled: Labelled, kind: str) -> Labelled:
    change, _ = WRONG[kind]
    return [(atoms, replace(label, stress=change(label.stress, atoms.cell.volume))) for atoms, label in labelled]


@pytest.fixture(scope="module")
def silicon() -> Labelled:
    return labelled_structures(bundled("si-train-pbe").path, LabelKeys())


@pytest.fixture
def crystals(sw_label: Any) -> Labelled:
    """Eight strained and displaced cells of Ge, labelled by Stillinger-Weber."""
    rng = np.random.default_rng(0)
    frames = []
    for number in range(8):
        atoms = strained(bulk("Ge", "diamond", a=5.66, cubic=True), 0, number % 3, 0.02 * (number - 4))
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
        frames.append((atoms, sw_label(atoms)))
    return frames


@pytest.fixture
def of_one_volume(sw_label: Any) -> Labelled:
    """Eight hot snapshots in one cell, as of molecular dynamics."""
    rng = np.random.default_rng(0)
    frames = [bulk("Ge", "diamond", a=5.66, cubic=True) for _ in range(8)]
    for atoms in frames:
        atoms.positions += rng.normal(0, 0.15, atoms.positions.shape)
    return [(atoms, sw_label(atoms)) for atoms in frames]


# ---- what is right ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", bundled_names())
def test_shipped_labels_are_not_doubted_whole_or_in_slices(name: str) -> None:
    labelled = labelled_structures(bundled(name).path, LabelKeys())
    slices: dict[str, Labelled] = {}
    for atoms, label in labelled:
        slices.setdefault(atoms.info["config_type"], []).append((atoms, label))
    for part in (labelled, *slices.values(), labelled[:3], labelled[:1]):
        assert doubt(part) == ""


def test_labels_of_stillinger_weber_are_not_doubted(crystals: Labelled, of_one_volume: Labelled) -> None:
    assert doubt(crystals) == doubt(of_one_volume) == doubt(crystals[:2]) == ""


def test_labels_without_stress_are_not_doubted(crystals: Labelled) -> None:
    assert doubt([(atoms, replace(label, stress=None)) for atoms, label in crystals]) == ""
    assert doubt([]) == ""


def test_a_stress_that_the_energies_explain_is_right_however_high(sw_label: Any) -> None:
    squeezed = [bulk("Ge", "diamond", a=edge, cubic=True) for edge in np.linspace(3.3, 3.5, 6)]
    labelled = [(atoms, sw_label(atoms)) for atoms in squeezed]
    assert max(np.abs(label.stress).max() for _, label in labelled) > 1
    assert doubt(labelled) == ""


# ---- what is not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WRONG)
def test_what_silicons_stresses_are_instead_is_named(silicon: Labelled, kind: str) -> None:
    """Cells of about 160 Å^3, in which stress x volume is as large as a stress in GPa: both may be named."""
    assert WRONG[kind][1] in doubt(wrong(silicon, kind))


@pytest.mark.parametrize("kind", WRONG)
def test_what_the_stresses_of_a_few_strained_crystals_are_instead_is_named(crystals: Labelled, kind: str) -> None:
    assert WRONG[kind][1] in doubt(wrong(crystals, kind))


def test_a_unit_is_told_from_a_volume_where_they_differ(crystals: Labelled, sw_label: Any) -> None:
    large = [(atoms, sw_label(atoms)) for atoms in (frame.repeat((2, 1, 1)) for frame, _ in crystals)]
    assert doubt(wrong(large, "GPa")) == "look like stresses in GPa"
    assert doubt(wrong(large, "virial")) == "look like virials in eV"


@pytest.mark.parametrize("kind", ["virial", "kbar", "GPa"])
def test_of_one_volume_only_the_size_tells(of_one_volume: Labelled, kind: str) -> None:
    message = doubt(wrong(of_one_volume, kind))
    assert message.startswith("reach ")
    assert WRONG[kind][1] in message
    assert doubt(wrong(of_one_volume, "other sign")) == ""


@pytest.mark.parametrize("kind", ["virial", "kbar", "GPa"])
def test_one_strained_frame_is_judged_by_its_size(crystals: Labelled, kind: str) -> None:
    assert WRONG[kind][1] in doubt(wrong(crystals[:1], kind))


# ---- conversion ------------------------------------------------------------------------------------------------------


def test_units_are_those_of_ase() -> None:
    assert UNITS["GPa"] == pytest.approx(1 / 160.21766, rel=1e-6)
    assert UNITS["kbar"] == pytest.approx(1 / 1602.1766, rel=1e-6)


def test_the_virial_has_the_other_sign_of_the_stress(sw_label: Any) -> None:
    """Of an atom pair's dyad r f, as extended XYZ files and GAP have it: positive in a compressed crystal."""
    atoms = bulk("Ge", "diamond", a=5.4, cubic=True)
    strain = 1e-4
    up, down = (sw_label(strained(atoms, 0, 0, sign * strain)).energy for sign in (1, -1))
    virial = -(up - down) / (2 * strain) * np.eye(3)
    assert virial[0, 0] > 0
    np.testing.assert_allclose(of_virial(virial, atoms), sw_label(atoms).stress, atol=1e-5)


def test_a_virial_needs_a_volume() -> None:
    with pytest.raises(ValueError, match="without a cell"):
        of_virial(np.eye(3), Atoms("Ge"))


def test_voigt_order() -> None:
    matrix = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    np.testing.assert_array_equal(voigt(matrix), [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(voigt(matrix.ravel()), [1, 2, 3, 4, 5, 6])
    with pytest.raises(ValueError, match="expected 6 Voigt components"):
        voigt([1.0, 2.0])
