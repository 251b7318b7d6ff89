"""What the classical potentials and data sets are known to give, and what they refuse."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from al_core.config.labelers import BundledLabeler, DatasetLabeler, EMTLabeler, GPAWLabeler, StillingerWeberLabeler
from al_core.errors import ConfigError, LabelError
from al_core.structures.datasets import bundled, read_structures
from al_core.structures.elements import CRYSTALS
from calculators.base import make_labeler
from calculators.classical.emt import ELEMENTS
from calculators.classical.neutral import NEUTRAL, neutral_potential
from calculators.classical.stillinger_weber import PARAMETERS
from tests.calculators.cases import SW, Labelling, crystal, dataset_case, metal, moved

# ---- Stillinger-Weber ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("element", "a_A", "cohesive_eV"), [("Si", 5.431, -4.3366), ("Ge", 5.654, -3.86)])
def test_stillinger_weber_has_its_known_crystal(element: str, a_A: float, cohesive_eV: float, label: Labelling) -> None:
    sigma, epsilon = PARAMETERS[element]["sigma"], PARAMETERS[element]["epsilon"]
    # the pair term is lowest at 2^(1/6) sigma, and the bond of the crystal is sqrt(3)/4 of its lattice constant
    a = 4 / np.sqrt(3) * 2 ** (1 / 6) * sigma
    assert a == pytest.approx(a_A, abs=5e-4)
    said = label(make_labeler(SW), bulk(element, "diamond", a=a, cubic=True))
    assert said.energy / 8 == pytest.approx(-2 * epsilon, abs=1e-6)
    assert said.energy / 8 == pytest.approx(cohesive_eV, abs=1e-4)
    np.testing.assert_allclose(said.forces, 0, atol=1e-9)
    np.testing.assert_allclose(said.stress, 0, atol=1e-5)


@pytest.mark.parametrize("symbols", ["C2", "SiGe", ""])
def test_stillinger_weber_refuses_what_it_has_no_parameters_for(symbols: str) -> None:
    atoms = Atoms(symbols, [[0, 0, 2.4 * number] for number in range(len(Atoms(symbols)))])
    with pytest.raises(LabelError, match="Stillinger-Weber labels one of Si, Ge, not "):
        make_labeler(SW).check(atoms)


def test_only_the_three_body_term_is_scaled(label: Labelling) -> None:
    def energy(factor: float, atoms: Atoms) -> float:
        return label(make_labeler(StillingerWeberLabeler(three_body=factor)), atoms).energy

    # the energy is a straight line in the factor: two-body energy + factor * three-body energy
    weak, known, strong = (energy(factor, crystal("Ge")) for factor in (0.5, 1.0, 1.5))
    three_body = strong - weak
    assert three_body > 0.1
    assert strong - known == pytest.approx(three_body / 2, abs=1e-9)
    assert known == label(make_labeler(SW), crystal("Ge")).energy
    # no angle of the perfect crystal is bent
    perfect = bulk("Ge", "diamond", a=5.66, cubic=True)
    assert energy(1.5, perfect) == pytest.approx(energy(0.5, perfect), abs=1e-9)


def test_the_known_three_body_strength_leaves_keys_as_they_were() -> None:
    known = make_labeler(StillingerWeberLabeler(three_body=1)).identity()
    assert (
        known
        == make_labeler(SW).identity()
        == {"kind": "stillinger_weber", "parameters": PARAMETERS} | {"matscipy": known["matscipy"]}
    )
    # committees and test sets are found again by their settings
    assert StillingerWeberLabeler(three_body=1).model_dump(mode="json") == {"kind": "stillinger_weber"}
    changed = StillingerWeberLabeler(three_body=0.8)
    assert changed.model_dump(mode="json") == {"kind": "stillinger_weber", "three_body": 0.8}
    assert make_labeler(changed).identity() == known | {"three_body": 0.8}


# ---- effective medium theory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("element", ELEMENTS)
def test_emt_has_the_known_fcc_crystal(element: str, label: Labelling) -> None:
    scales = np.linspace(0.98, 1.02, 9)
    known_A = CRYSTALS[element].lattice_constant_A
    crystals = [bulk(element, "fcc", a=scale * known_A, cubic=True) for scale in scales]
    energies = [label(make_labeler(EMTLabeler()), atoms).energy / 4 for atoms in crystals]
    curvature, slope, _ = np.polyfit(scales, energies, 2)
    assert -slope / (2 * curvature) == pytest.approx(1, abs=0.02)  # lattice constant against experiment
    assert min(energies) == pytest.approx(0, abs=0.02)  # eV/atom, counted from the crystal


def test_emt_labels_an_alloy(label: Labelling) -> None:
    alloy = metal("Cu")
    alloy.symbols[2] = "Au"
    pure, mixed = (label(make_labeler(EMTLabeler()), atoms) for atoms in (metal("Cu"), alloy))
    assert np.abs(mixed.forces - pure.forces).max() > 0.1


@pytest.mark.parametrize("symbols", ["Si2", "CuSi", "CO", ""])
def test_emt_refuses_what_it_has_no_parameters_for(symbols: str) -> None:
    atoms = Atoms(symbols, [[0, 0, 2.4 * number] for number in range(len(Atoms(symbols)))])
    with pytest.raises(LabelError, match="EMT labels Al, Cu, Ag, Au, Ni, Pd, Pt, not "):
        make_labeler(EMTLabeler()).check(atoms)


# ---- the sampler's potentials ----------------------------------------------------------------------------------------


def test_the_neutral_potential_of_an_element_is_the_one_that_knows_it(label: Labelling) -> None:
    for labeler, atoms in ((SW, crystal("Si")), (SW, crystal("Ge")), (EMTLabeler(), metal("Cu"))):
        copy = atoms.copy()
        copy.calc = neutral_potential(atoms.get_chemical_symbols()[0])
        assert copy.get_potential_energy() == label(make_labeler(labeler), atoms).energy
    with pytest.raises(LabelError, match=r"a neutral potential of Si, Ge, Al, Cu, .*, not of W"):
        neutral_potential("W")


def test_every_element_with_a_neutral_potential_has_a_known_crystal() -> None:
    assert set(NEUTRAL) == {*PARAMETERS, *ELEMENTS} <= set(CRYSTALS)


# ---- data sets -------------------------------------------------------------------------------------------------------


def test_a_data_set_costs_nothing_and_refuses_what_it_does_not_hold(tmp_path: Path) -> None:
    case = dataset_case("Ge", tmp_path)
    assert case.labeler.estimate_core_seconds(case.atoms) == 0
    assert case.labeler.label(case.atoms, tmp_path).core_seconds == 0
    with pytest.raises(LabelError, match="is not in the data set"):
        case.labeler.check(moved(case.atoms, 0, 0, 0.1))


def test_a_shipped_data_set_labels_its_structures(tmp_path: Path) -> None:
    labeler = make_labeler(BundledLabeler(name="ge-test-pbe"))
    atoms = read(bundled("ge-test-pbe").path, index=7)
    label = labeler.label(atoms, tmp_path)
    assert label.energy == atoms.info["REF_energy"]
    np.testing.assert_array_equal(label.forces, atoms.arrays["REF_forces"])
    np.testing.assert_array_equal(label.stress, atoms.info["REF_stress"])


def test_a_shipped_label_is_free_and_has_the_price_it_once_had() -> None:
    atoms = read_structures(bundled("ge-pool-pbe").path)[0]
    replayed, computed = make_labeler(BundledLabeler(name="ge-pool-pbe")), make_labeler(GPAWLabeler(preset="standard"))
    assert replayed.estimate_core_seconds(atoms) == 0
    assert replayed.original_core_seconds(atoms) == computed.estimate_core_seconds(atoms) > 10


@pytest.mark.parametrize("settings", [{}, {"stress_key": "REF_stress"}])
def test_stresses_that_are_not_read_are_told(settings: dict[str, str]) -> None:
    file = bundled("ge-pool-pbe").path
    notes = make_labeler(DatasetLabeler(path=file, **settings)).notes([])
    if settings:
        assert notes == []
    else:
        (note,) = notes
        assert "has REF_stress, which is not read" in note
        assert "stress_key=REF_stress reads it" in note


def test_a_data_set_that_is_missing_is_told_when_it_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.extxyz: no such file"):
        make_labeler(DatasetLabeler(path=tmp_path / "gone.extxyz")).check(crystal("Ge"))
