"""What holds of every labeler: forces and stress are slopes, labels are repeatable, identities tell them apart."""

import json
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixedPlane

from al_core.config.labelers import CHGNetLabeler, DatasetLabeler, EMTLabeler, GPAWLabeler, StillingerWeberLabeler
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.storage.hashing import digest
from al_core.types import Label
from calculators.base import make_labeler
from tests.calculators.cases import STEP_A, SW, Case, Labelling, crystal, dataset_case, moved, translated
from tests.helpers import strained


def test_forces_are_the_slope_of_the_energy(case: Case, label: Labelling) -> None:
    forces = label(case.labeler, case.atoms).forces
    assert np.abs(forces).max() > 0.1  # there is something to compare
    for component in case.components:
        up, down = (label(case.labeler, moved(case.atoms, *component, sign * STEP_A)).energy for sign in (1, -1))
        np.testing.assert_allclose(forces[component], -(up - down) / (2 * STEP_A), rtol=0, atol=case.force_eV_per_A)


def test_stress_is_the_slope_of_the_energy(cheap_case: Case, label: Labelling) -> None:
    atoms, labeler = cheap_case.atoms, cheap_case.labeler
    stress = label(labeler, atoms).stress
    assert np.abs(stress).min() > 1e-4
    for component, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = [label(labeler, strained(atoms, i, j, sign * 1e-5)).energy for sign in (1, -1)]
        slope = (energies[0] - energies[1]) / (2 * 1e-5) / atoms.get_volume()
        np.testing.assert_allclose(stress[component], slope, rtol=0, atol=1e-6)


def test_a_label_does_not_depend_on_what_was_labelled_before(case: Case, label: Labelling) -> None:
    first = label(case.labeler, case.atoms)
    label(case.labeler, case.other or crystal("Si", 1 if len(case.atoms) == 8 else 0))
    again = label(case.labeler, case.atoms)
    np.testing.assert_allclose(again.energy, first.energy, rtol=0, atol=1e-12)
    np.testing.assert_allclose(again.forces, first.forces, rtol=0, atol=1e-10)


def test_a_label_does_not_depend_on_which_images_of_the_atoms_are_given(case: Case, label: Labelling) -> None:
    here, there = label(case.labeler, case.atoms), label(case.labeler, translated(case.atoms))
    np.testing.assert_allclose(there.energy, here.energy, rtol=0, atol=case.energy_eV)
    np.testing.assert_allclose(there.forces, here.forces, rtol=0, atol=1e2 * case.energy_eV)
    np.testing.assert_allclose(there.stress, here.stress, rtol=0, atol=1e2 * case.energy_eV)


def test_the_structure_is_left_unchanged(case: Case, label: Labelling) -> None:
    atoms = case.atoms.copy()
    atoms.info["config_type"] = "x"
    before = atoms.copy()
    label(case.labeler, atoms)
    assert atoms == before
    assert atoms.calc is None
    assert (atoms.info, set(atoms.arrays)) == (before.info, set(before.arrays))


def test_a_label_is_of_the_bare_structure(case: Case, label: Labelling, tmp_path: Path) -> None:
    bare = label(case.labeler, case.atoms)
    dressed = case.atoms.copy()
    dressed.set_constraint([FixAtoms([0]), FixedPlane(1, (0, 0, 1))])
    dressed.set_momenta(np.ones((len(dressed), 3)))
    dressed.set_initial_charges(np.ones(len(dressed)))
    dressed.set_tags(range(len(dressed)))
    dressed.set_masses(np.full(len(dressed), 2.0))
    dressed.calc = SinglePointCalculator(dressed, energy=0.0, forces=np.zeros((len(dressed), 3)))
    store = LabelStore(tmp_path / "labels.db")
    entry = obtain_label(store, case.labeler, dressed, tmp_path / "labels").entry
    np.testing.assert_allclose(entry.label.energy, bare.energy, rtol=0, atol=1e-12)
    np.testing.assert_allclose(entry.label.forces, bare.forces, rtol=0, atol=1e-10)
    assert len(dressed.constraints) == 2, "the structure was changed"
    # what the store holds, and hands to others, is bare too
    assert not entry.atoms.constraints
    assert set(entry.atoms.arrays) == {"numbers", "positions"}


def test_a_label_comes_back_from_the_store_bit_for_bit(case: Case, tmp_path: Path) -> None:
    given: list[Label] = []
    compute = case.labeler.label

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(case.labeler, name)

        def label(self, atoms: Atoms, directory: Path, rung: int = 0) -> Label:
            given.append(compute(atoms, directory, rung))
            return given[0]

    store = LabelStore(tmp_path / "labels.db")
    obtain_label(store, Watched(), case.atoms, tmp_path / "labels")
    stored = obtain_label(LabelStore(store.where), Watched(), case.atoms, tmp_path / "labels").entry.label
    assert len(given) == 1
    assert stored.energy == given[0].energy
    np.testing.assert_array_equal(stored.forces, given[0].forces)
    np.testing.assert_array_equal(stored.stress, given[0].stress)
    assert stored.core_seconds == given[0].core_seconds
    assert stored.provenance == {"labeler": case.labeler.identity(), **given[0].provenance}


def test_the_identity_is_json_and_always_the_same(case: Case) -> None:
    identity = case.labeler.identity()
    assert identity["kind"] == case.labeler.name
    assert json.loads(json.dumps(identity)) == identity == case.labeler.identity()


def test_the_identity_changes_with_what_changes_the_label(tmp_path: Path) -> None:
    settings = [GPAWLabeler(), GPAWLabeler(cutoff_eV=400), GPAWLabeler(xc="LDA"), GPAWLabeler(kpt_density=5), SW]
    settings += [CHGNetLabeler(), CHGNetLabeler(model="r2scan")]
    settings += [EMTLabeler(), *(StillingerWeberLabeler(three_body=factor) for factor in (0.8, 1.2))]
    assert len({digest(make_labeler(one).identity()) for one in settings}) == len(settings)
    assert make_labeler(GPAWLabeler(timeout_s=5)).identity() == make_labeler(GPAWLabeler()).identity()


def test_the_identity_of_a_data_set_is_its_content(tmp_path: Path) -> None:
    one = dataset_case("Ge", tmp_path).labeler.identity()
    with (tmp_path / "labels.extxyz").open("a") as file:
        file.write("\n")
    other = make_labeler(DatasetLabeler(path=tmp_path / "labels.extxyz", stress_key="REF_stress")).identity()
    assert one != other
    names = {"energy": "REF_energy", "forces": "REF_forces", "stress": "REF_stress"}
    assert one["keys"] == names, "label keys of earlier versions are made of these"
    kbar = DatasetLabeler(path=tmp_path / "labels.extxyz", stress_key="REF_stress", stress_unit="kbar")
    assert make_labeler(kbar).identity()["keys"] == names | {"stress_unit": "kbar"}


def test_the_energy_of_a_larger_cell_is_that_many_times_larger(cheap_case: Case, label: Labelling) -> None:
    one = label(cheap_case.labeler, cheap_case.atoms)
    eight = label(cheap_case.labeler, cheap_case.atoms.repeat(2))
    np.testing.assert_allclose(eight.energy, 8 * one.energy, rtol=1e-10)
    np.testing.assert_allclose(eight.forces[:8], one.forces, atol=1e-9)
    np.testing.assert_allclose(eight.stress, one.stress, atol=1e-9)
