"""Reading and writing labelled structures, and the data sets shipped with Graft. Refusals: ``bad_input``."""

import json
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

import al_core.structures.datasets
from al_core.config.labelers import DatasetLabeler
from al_core.errors import ConfigError
from al_core.storage.hashing import structure_id
from al_core.structures.checks import closest_distance
from al_core.structures.datasets import (
    LabelKeys,
    bundled,
    bundled_names,
    labelled_structures,
    read_structures,
    write_labelled,
)
from al_core.types import Label


def germanium(seed: int = 0) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = bulk("Ge", "diamond", a=5.66, cubic=True)
    # rounded as all of Graft's structures are
    atoms.positions = (atoms.positions + rng.normal(0, 0.05, (8, 3))).round(6)
    atoms.cell = (atoms.cell.array + rng.normal(0, 0.05, (3, 3))).round(6)
    return atoms


def label(seed: int = 0) -> Label:
    rng = np.random.default_rng(seed)
    return Label(rng.normal(), rng.normal(size=(8, 3)), rng.normal(size=6))


def test_labels_survive_being_written_and_read(tmp_path: Path) -> None:
    pairs = [(germanium(seed), label(seed)) for seed in range(3)]
    pairs[1][0].info["config_type"] = "strained"
    write_labelled(tmp_path / "x.extxyz", pairs)
    again = labelled_structures(tmp_path / "x.extxyz", LabelKeys())
    for (atoms, known), (read_atoms, found) in zip(pairs, again, strict=True):
        assert structure_id(read_atoms) == structure_id(atoms)
        np.testing.assert_allclose(found.energy, known.energy, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.forces, known.forces, rtol=0, atol=1e-7)
        np.testing.assert_allclose(found.stress, known.stress, rtol=0, atol=1e-12)
    assert again[1][0].info["config_type"] == "strained"


def test_of_a_large_file_some_structures_are_drawn(tmp_path: Path) -> None:
    frames = [Atoms("Ge", cell=[5, 5, 5 + number / 100], pbc=True) for number in range(300)]
    write(tmp_path / "x.extxyz", frames)
    drawn = [round(100 * (atoms.cell[2, 2] - 5)) for atoms in read_structures(tmp_path / "x.extxyz", at_most=60)]
    assert len(set(drawn)) == 60
    assert drawn == sorted(drawn)
    thirds = np.histogram(drawn, bins=[0, 100, 200, 300])[0]
    assert thirds.min() >= 10, "from all parts of the file"
    assert drawn == [
        round(100 * (atoms.cell[2, 2] - 5)) for atoms in read_structures(tmp_path / "x.extxyz", at_most=60)
    ]
    assert len(read_structures(tmp_path / "x.extxyz", at_most=301)) == 300


@pytest.mark.parametrize("atoms", ["9", "999999999999"])
def test_a_file_that_ends_within_a_structure_is_refused_at_once(tmp_path: Path, atoms: str) -> None:
    """Such as one whose writing was cut off; ASE would read as many lines as are said, from beyond the end."""
    file = tmp_path / "x.extxyz"
    write(file, [germanium(), germanium(1)])
    head, _, last = file.read_text().rpartition("8\n")
    file.write_text(f"{head}{atoms}\n{last}")
    with pytest.raises(ConfigError, match=f"x.extxyz: structure 1 says {atoms} atoms, but the file ends before; write"):
        read_structures(file)


def test_ids_do_not_change_when_a_users_structures_are_written_again(tmp_path: Path) -> None:
    frames = [germanium(seed) for seed in range(20)]
    for atoms in frames:
        atoms.positions += 4.9e-7  # more digits than an id has, close to where they are rounded
    write(tmp_path / "x.extxyz", frames)
    first = read_structures(tmp_path / "x.extxyz")
    write_labelled(tmp_path / "y.extxyz", [(atoms, label()) for atoms in first])
    again = read_structures(tmp_path / "y.extxyz")
    assert [structure_id(atoms) for atoms in again] == [structure_id(atoms) for atoms in first]


def test_writing_leaves_the_structures_alone_and_no_temporary_files(tmp_path: Path) -> None:
    atoms = germanium()
    atoms.info["array"] = np.ones(3)
    before = atoms.copy()
    write_labelled(tmp_path / "x.extxyz", [(atoms, label())])
    assert atoms == before
    assert set(atoms.info) == {"array"}
    assert set(atoms.arrays) == {"numbers", "positions"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.extxyz"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_labelled(tmp_path / "x.extxyz", [(germanium(), label())])
    before = (tmp_path / "x.extxyz").read_bytes()

    def half(file: TextIO, *arguments: object, **named: object) -> None:
        file.write("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(al_core.structures.datasets, "write", half)
    with pytest.raises(OSError, match="No space left"):
        write_labelled(tmp_path / "x.extxyz", [(germanium(1), label())])
    assert (tmp_path / "x.extxyz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.extxyz"]


def test_labels_of_ases_own_names_are_found(tmp_path: Path) -> None:
    atoms, known = germanium(), label()
    atoms.calc = SinglePointCalculator(atoms, energy=known.energy, forces=known.forces, stress=known.stress)
    write(tmp_path / "x.extxyz", atoms)
    (_, found), *_ = labelled_structures(tmp_path / "x.extxyz", LabelKeys("energy", "forces", "stress"))
    np.testing.assert_allclose(found.energy, known.energy)
    np.testing.assert_allclose(found.forces, known.forces, atol=1e-7)
    np.testing.assert_allclose(found.stress, known.stress, atol=1e-7)


def test_labels_of_other_names_are_found_where_the_config_names_them(tmp_path: Path) -> None:
    atoms, known = germanium(), label()
    atoms.info["dft_e"], atoms.arrays["dft_f"] = known.energy, known.forces
    write(tmp_path / "x.extxyz", atoms)
    settings = DatasetLabeler(path=tmp_path / "x.extxyz", energy_key="dft_e", forces_key="dft_f")
    (_, found), *_ = labelled_structures(settings.path, LabelKeys.of(settings))
    np.testing.assert_allclose(found.energy, known.energy)
    assert found.stress is None


def test_a_stress_matrix_becomes_voigt_components(tmp_path: Path) -> None:
    atoms, known = germanium(), label()
    atoms.info["REF_energy"], atoms.arrays["REF_forces"] = known.energy, known.forces
    atoms.info["virial"] = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    write(tmp_path / "x.extxyz", atoms)
    (_, found), *_ = labelled_structures(tmp_path / "x.extxyz", LabelKeys(stress="virial"))
    np.testing.assert_array_equal(found.stress, [1, 2, 3, 4, 5, 6])


# ---- shipped ---------------------------------------------------------------------------------------------------------


def test_a_silicon_training_set_and_a_germanium_test_set_are_shipped() -> None:
    assert {"si-train-pbe", "ge-test-pbe"} <= set(bundled_names())


@pytest.mark.parametrize("name", bundled_names())
def test_a_shipped_data_set_is_what_its_sheet_says(name: str) -> None:
    asset = bundled(name)
    labelled = labelled_structures(asset.path, LabelKeys())
    assert len(labelled) == asset.sheet["structures"]
    assert all(set(atoms.get_chemical_symbols()) == {asset.sheet["element"]} for atoms, _ in labelled)
    slices = [atoms.info["config_type"] for atoms, _ in labelled]
    assert {slice_: slices.count(slice_) for slice_ in slices} == asset.sheet["slices"]
    assert len({structure_id(atoms) for atoms, _ in labelled}) == len(labelled)
    assert all(found.stress is not None for _, found in labelled)
    assert asset.sheet["labeler"]["kind"] == "gpaw"


def test_the_structures_of_shipped_data_sets_are_physical() -> None:
    for name in bundled_names():
        for atoms, found in labelled_structures(bundled(name).path, LabelKeys()):
            assert closest_distance(atoms) > 1.3
            np.testing.assert_allclose(found.forces.sum(axis=0), 0, atol=0.1)  # nothing pulls at the whole crystal


def test_a_changed_data_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    write_labelled(tmp_path / "data" / "x.extxyz", [(germanium(), label())])
    (tmp_path / "data" / "x.json").write_text(json.dumps({"file": "x.extxyz", "sha256": "0" * 64}))
    monkeypatch.setattr(al_core.structures.datasets, "ASSETS", tmp_path)
    assert bundled_names() == ["x"]
    with pytest.raises(ConfigError, match="missing or was changed"):
        bundled("x")


def test_the_shipped_files_can_be_read_by_ase_alone() -> None:
    frames = read(bundled("ge-test-pbe").path, index=":")
    assert all({"REF_energy", "REF_stress"} <= set(frame.info) and "REF_forces" in frame.arrays for frame in frames)
