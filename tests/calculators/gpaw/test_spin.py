"""Spin is a setting of the labeler: in its identity, never read from a structure without a word, and reported."""

import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.config.labelers import GPAWLabeler
from al_core.errors import LabelError
from al_core.storage.hashing import digest
from al_core.structures.datasets import bundled
from calculators.base import make_labeler
from calculators.gpaw.spin import initial_moments, magnet_notes, paired_magnets
from tests.calculators.cases import CHEAP

PAIRED, POLARISED = GPAWLabeler(), GPAWLabeler(spin={"Fe": 2.2})


def iron(*moments: object) -> Atoms:
    """Return the cubic cell of bcc iron, two atoms, with initial magnetic moments; ASE gives it some of its own."""
    atoms = bulk("Fe", "bcc", a=2.87, cubic=True)
    atoms.set_initial_magnetic_moments(None)
    if moments:
        atoms.set_initial_magnetic_moments(moments)
    return atoms


def test_the_moments_of_a_calculation_are_those_of_the_settings() -> None:
    alloy = Atoms("FeOFe", np.eye(3))
    np.testing.assert_array_equal(initial_moments(alloy, "paired"), [0, 0, 0])
    np.testing.assert_array_equal(initial_moments(alloy, {"Fe": 2.2}), [2.2, 0, 2.2])


@pytest.mark.parametrize(
    ("settings", "moments"),
    [
        (PAIRED, [2.2, -2.2]),
        (PAIRED, [0.0, 1.0]),
        (PAIRED, [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        (POLARISED, [[2.2, 0.0, 0.0], [2.2, 0.0, 0.0]]),
        (POLARISED, [2.2, -2.2]),
        (POLARISED, [1.0, 1.0]),
    ],
)
def test_a_structure_with_other_moments_than_the_settings_is_refused(
    settings: GPAWLabeler, moments: list[object]
) -> None:
    with pytest.raises(LabelError, match=r"initial magnetic moments \(atom [01], Fe: .*\(spin: .*set spin to the mom"):
        make_labeler(settings).check(iron(*moments))


@pytest.mark.parametrize(
    ("settings", "moments"), [(PAIRED, []), (PAIRED, [0.0, 0.0]), (POLARISED, []), (POLARISED, [2.2, 2.2])]
)
def test_a_structure_without_moments_or_with_those_of_the_settings_is_not(
    settings: GPAWLabeler, moments: list[float]
) -> None:
    make_labeler(settings).check(iron(*moments))


def test_spin_is_in_the_identity_and_keys_of_spin_paired_labels_are_as_they_were() -> None:
    paired, polarised = (make_labeler(settings).identity() for settings in (PAIRED, POLARISED))
    assert polarised == {**paired, "spin": {"Fe": 2.2}}
    assert digest(polarised) != digest(paired) != digest(make_labeler(GPAWLabeler(spin={"Fe": 2.0})).identity())
    assert set(paired) == set(bundled("ge-pool-pbe").sheet["labeler"]), "the shipped labels have no spin"


@pytest.mark.parametrize(
    ("elements", "settings", "magnets"),
    [
        ({"Fe", "Si"}, PAIRED, ["Fe"]),
        ({"Ni", "Co"}, PAIRED, ["Co", "Ni"]),
        ({"Fe", "Si"}, POLARISED, []),
        ({"Fe", "Co"}, POLARISED, ["Co"]),
        ({"Ge", "O"}, PAIRED, []),
    ],
)
def test_magnetic_elements_without_a_moment_are_noted(
    elements: set[str], settings: GPAWLabeler, magnets: list[str]
) -> None:
    assert paired_magnets(elements, settings.spin) == magnets
    notes = magnet_notes(elements, settings.spin)
    assert len(notes) == bool(magnets)
    assert all(re.search(rf"{', '.join(magnets)}: magnetic .* \(spin-paired\); spin: \{{", note) for note in notes)


def test_a_polarised_label_is_expected_to_cost_more() -> None:
    paired, polarised = make_labeler(PAIRED), make_labeler(POLARISED)
    assert polarised.estimate_core_seconds(iron()) > paired.estimate_core_seconds(iron())
    germanium = bulk("Ge", a=5.7)
    assert polarised.estimate_core_seconds(germanium) == paired.estimate_core_seconds(germanium)


@pytest.mark.dft
def test_iron_is_lower_in_energy_with_its_moment(tmp_path: Path) -> None:
    labels = {}
    for name, spin in (("paired", "paired"), ("polarised", {"Fe": 2.2})):
        (tmp_path / name).mkdir()
        labeler = make_labeler(GPAWLabeler(**CHEAP, spin=spin))
        labels[name] = labeler.label(bulk("Fe", "bcc", a=2.87), tmp_path / name)
    paired, polarised = labels["paired"], labels["polarised"]
    assert paired.energy - polarised.energy == pytest.approx(0.54, abs=0.05)  # eV
    assert polarised.provenance["magnetic_moment"] == pytest.approx(2.2, abs=0.15)  # Bohr magnetons; measured 2.22
    assert (paired.provenance["magnetic_moment"], paired.provenance["spin_paired"]) == (0, ["Fe"])
    assert "spin_paired" not in polarised.provenance


@pytest.mark.dft
def test_moments_of_a_structure_do_not_reach_the_calculation(tmp_path: Path) -> None:
    atoms = bulk("Fe", "bcc", a=2.87)
    atoms.set_initial_magnetic_moments([2.2])
    label = make_labeler(GPAWLabeler(**CHEAP)).label(atoms, tmp_path)
    assert label.provenance["magnetic_moment"] == 0
