"""Files of structures and labels that are missing, not shipped, unreadable or unusable."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from al_core.config.labelers import DatasetLabeler
from al_core.config.structures import FileStructures
from al_core.structures.datasets import LabelKeys, checked_labels
from al_core.types import Label
from calculators.classical.stillinger_weber import stillinger_weber
from tests.bad_input.inputs import Refused, bundles, file_of, germanium, labelled


@pytest.mark.parametrize(
    "change",
    [
        "pool={kind: file, path: gone.extxyz}",
        "test={kind: file, path: gone.extxyz}",
        "source={kind: bundles, path: gone.extxyz}",
        "source.structures={kind: file, path: gone.extxyz}",
        "labeler={kind: dataset, path: gone.extxyz}",
    ],
)
def test_a_missing_file_is_refused(refused_study: Refused, workdir: Path, change: str) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(6)))
    test = file_of("test.extxyz", *map(labelled, range(10, 13)))
    missing = refused_study(
        f"pool={pool}", f"test={test}", "source.labeler=null" if ".str" in change else "site.workers=1", change
    )
    key = "labeler dataset" if "dataset" in change else change.partition("=")[0]
    assert re.search(f"error: {key}: {workdir / 'gone.extxyz'}: no (such file|committee)", missing)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "pool={kind: bundled, name: ge-pool}",
            "pool: no data set 'ge-pool' is shipped; did you mean 'ge-pool-pbe'?",
        ),
        (
            "test={kind: bundled, name: ge-tset}",
            "test: no data set 'ge-tset' is shipped; did you mean 'ge-test-pbe'?",
        ),
        ("source={kind: bundled, name: si}", "source: no committee 'si' is shipped (known: "),
    ],
)
def test_a_data_set_or_committee_that_is_not_shipped_is_refused(
    refused_study: Refused, change: str, expected: str
) -> None:
    assert expected in refused_study(change)


def _without_labels() -> Atoms:
    return germanium(0)


def _without_forces() -> Atoms:
    atoms = germanium(0)
    atoms.info["REF_energy"] = -30.0
    return atoms


def _other_keys() -> Atoms:
    return labelled(0, energy="dft_energy", forces="dft_forces")


def _standard_keys() -> Atoms:
    return labelled(0, energy="energy", forces="forces")


def _nan_force() -> Atoms:
    atoms = labelled(0)
    atoms.arrays["REF_forces"][3, 1] = np.nan
    return atoms


def _infinite_energy() -> Atoms:
    atoms = labelled(0)
    atoms.info["REF_energy"] = np.inf
    return atoms


def _energy_in_words() -> Atoms:
    atoms = labelled(0)
    atoms.info["REF_energy"] = "low"
    return atoms


def _flat_forces() -> Atoms:
    atoms = labelled(0)
    del atoms.arrays["REF_forces"]
    atoms.arrays["REF_forces"] = np.zeros((8, 2))
    return atoms


def _nan_position() -> Atoms:
    atoms = labelled(0)
    atoms.positions[2, 0] = np.nan
    return atoms


def _too_close() -> Atoms:
    atoms = labelled(0)
    atoms.positions[1] = atoms.positions[0] + [0.3, 0, 0]
    return atoms


def _too_close_across_the_boundary() -> Atoms:
    atoms = labelled(0)
    atoms.positions[0] = [0.1, 0, 0]
    atoms.positions[1] = atoms.cell[0] + [-0.1, 0, 0]
    return atoms


def _flat_cell() -> Atoms:
    atoms = labelled(0)
    atoms.cell[1] = 2 * atoms.cell[0]
    return atoms


STRUCTURE_FAULTS = [
    (_nan_position, "structure 1 has positions or a cell that are not finite"),
    (_too_close, r"structure 1 has two atoms 0\.30 Å apart \(at least 0\.5 Å expected\)"),
    (_too_close_across_the_boundary, r"structure 1 has two atoms 0\.20 Å apart \(at least 0\.5 Å expected\)"),
    (_flat_cell, "structure 1 has cell vectors that lie in one plane or line"),
]
LABEL_FAULTS = [
    (_without_labels, "structure 1 has no energy under 'REF_energy'; there are: none at all"),
    (_without_forces, "structure 1 has no forces under 'REF_forces'; there are: REF_energy"),
    (_other_keys, "structure 1 has no energy under 'REF_energy'; there are: dft_energy, dft_forces"),
    (_standard_keys, "structure 1 has no energy under 'REF_energy'; there are: forces, energy"),
    (_nan_force, r"structure 1: 'REF_forces' is not finite \(NaN or infinity\)"),
    (_infinite_energy, r"structure 1: 'REF_energy' is not finite \(NaN or infinity\)"),
    (_energy_in_words, "structure 1: its labels cannot be read: .*'low'"),
    (_flat_forces, r"structure 1: 'REF_forces' has shape \(8, 2\), expected \(8, 3\)"),
]


@pytest.mark.parametrize(("broken", "expected"), STRUCTURE_FAULTS + LABEL_FAULTS)
@pytest.mark.parametrize("user", ["test set", "source", "dataset labeler", "eval"])
def test_a_file_with_unusable_labels_is_refused(
    refused: Refused, refused_study: Refused, user: str, broken: Callable[[], Atoms], expected: str
) -> None:
    element = "Si" if user == "source" else "Ge"
    frame = broken()
    frame.symbols[:] = element
    part = file_of("data.extxyz", labelled(1, element), frame, labelled(2, element))
    pool = file_of("pool.extxyz", labelled(1), labelled(2), *map(germanium, range(20, 24)))
    if user == "test set":
        message = refused_study(f"test={part}")
    elif user == "source":
        message = refused_study(f"source.structures={part}", "source.labeler=null")
    elif user == "dataset labeler":
        test = file_of("test.extxyz", labelled(30))
        message = refused_study(f"pool={pool}", f"test={test}", "labeler={kind: dataset, path: data.extxyz}")
    else:
        bundles("models", "Ge", "Ge")
        message = refused("eval", "--bundle", "models", "--data", "data.extxyz")
    assert re.search(f"data.extxyz: {expected}", message)


@pytest.mark.parametrize(("broken", "expected"), STRUCTURE_FAULTS)
def test_a_pool_with_an_unusable_structure_is_refused(
    refused_study: Refused, broken: Callable[[], Atoms], expected: str
) -> None:
    part = file_of("pool.extxyz", germanium(1), broken(), *map(germanium, range(2, 6)))
    assert re.search(f"pool.extxyz: {expected}", refused_study(f"pool={part}"))


@pytest.mark.parametrize(("broken", "expected"), STRUCTURE_FAULTS)
def test_an_unusable_structure_is_not_labelled(refused: Refused, broken: Callable[[], Atoms], expected: str) -> None:
    file_of("some.extxyz", germanium(1), broken())
    assert re.search(f"some.extxyz: {expected}", refused("label", "some.extxyz", "--labeler", "stillinger_weber"))


def test_a_stress_key_that_no_structure_has_is_refused(refused_study: Refused) -> None:
    file_of("test.extxyz", labelled(0), labelled(1))
    message = refused_study("test={kind: file, path: test.extxyz, stress_key: virial}")
    assert "test.extxyz: has no stress under 'virial'; there are: REF_energy, REF_forces" in message


def _stressed(file: str, factor: float, **names: str) -> list[tuple[Atoms, Label]]:
    """Write labels of Stillinger-Weber, the stress times a factor, under other names; return the right ones."""
    labels = []
    for number in range(6):
        atoms = germanium(number)
        atoms.set_cell(atoms.cell.array * (1 + 0.01 * (number - 3)), scale_atoms=True)
        atoms.calc = stillinger_weber("Ge")
        label = Label(atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())
        labels.append((atoms, label))
        atoms.calc = None
    frames = [atoms.copy() for atoms, _ in labels]
    for atoms, (_, label) in zip(frames, labels, strict=True):
        atoms.info |= {"REF_energy": label.energy, names.get("stress", "REF_stress"): label.stress * factor}
        atoms.info |= {"dft_virial": -label.stress * atoms.cell.volume}
        atoms.arrays["REF_forces"] = label.forces
    file_of(file, *frames)
    return labels


@pytest.mark.parametrize("user", ["test set", "source", "dataset labeler", "import"])
@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (10 / units.GPa, "the stresses under 'REF_stress' look like stresses in kbar; expected stresses in eV/Å^3"),
        (-1.0, "the stresses under 'REF_stress' look like stresses of the other sign, positive under compression"),
    ],
)
def test_a_stress_that_cannot_be_is_refused(
    refused: Refused, refused_study: Refused, user: str, factor: float, expected: str
) -> None:
    _stressed("data.extxyz", factor)
    part = "{kind: file, path: data.extxyz, stress_key: REF_stress}"
    if user == "test set":
        message = refused_study(f"test={part}")
    elif user == "source":
        message = refused_study(f"source.structures={part}", "source.element=Ge", "source.labeler=null")
    elif user == "dataset labeler":
        pool = file_of("pool.extxyz", *map(germanium, range(20, 26)))
        test = file_of("test.extxyz", labelled(9))
        labeler = part.replace("file", "dataset", 1)
        message = refused_study(f"pool={pool}", f"test={test}", f"labeler={labeler}")
    else:
        message = refused("label", "--import", "data.extxyz", "--theory", "PBE", "--out", "out")
    assert f"data.extxyz: {expected}" in message


def test_a_virial_that_is_taken_for_a_stress_is_refused(refused_study: Refused) -> None:
    _stressed("data.extxyz", 1.0)
    message = refused_study("test={kind: file, path: data.extxyz, stress_key: dft_virial}")
    assert "data.extxyz: the stresses under 'dft_virial' look like virials in eV" in message


@pytest.mark.parametrize(
    ("factor", "names"),
    [
        (10 / units.GPa, {"stress_key": "REF_stress", "stress_unit": "kbar"}),
        (1 / units.GPa, {"stress_key": "REF_stress", "stress_unit": "GPa"}),
        (1.0, {"virial_key": "dft_virial"}),
    ],
)
def test_stresses_whose_unit_is_given_are_converted(
    workdir: Path, good_study: Callable[..., None], factor: float, names: dict[str, str]
) -> None:
    right = _stressed("data.extxyz", factor)
    settings = ", ".join(f"{key}: {value}" for key, value in names.items())
    good_study(f"test={{kind: file, path: data.extxyz, {settings}}}")
    for read in (FileStructures(path=workdir / "data.extxyz", **names), DatasetLabeler(path="data.extxyz", **names)):
        found = checked_labels(read.path, LabelKeys.of(read))
        for (_, label), (_, expected) in zip(found, right, strict=True):
            np.testing.assert_allclose(label.stress, expected.stress, atol=1e-7)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("stress_key: a, virial_key: b", "stress_key and virial_key exclude each other"),
        ("virial_key: b, stress_unit: GPa", "stress_unit GPa needs a stress_key; a virial is in eV"),
        ("stress_unit: kbar", "stress_unit kbar needs a stress_key"),
        ("stress_key: a, stress_unit: bar", "stress_unit: "),
    ],
)
def test_names_of_stresses_that_contradict_each_other_are_refused(
    refused_study: Refused, names: str, expected: str
) -> None:
    test = file_of("test.extxyz", labelled(0))
    for change in (f"test={{kind: file, path: x, {names}}}", f"labeler={{kind: dataset, path: x, {names}}}"):
        assert expected in refused_study(f"test={test}", change)


def test_a_virial_key_that_no_structure_has_is_refused(refused_study: Refused) -> None:
    file_of("test.extxyz", labelled(0))
    message = refused_study("test={kind: file, path: test.extxyz, virial_key: w}")
    assert "test.extxyz: has no virial under 'w'; there are: REF_energy, REF_forces" in message


@pytest.mark.parametrize("content", ["", "hello\nworld\n", '8\nLattice="1 0 0"\nGe 0 0 0\n'])
@pytest.mark.parametrize("key", ["pool", "test"])
def test_a_file_that_holds_no_structures_is_refused(refused_study: Refused, key: str, content: str) -> None:
    Path("data.extxyz").write_text(content)
    message = refused_study(f"{key}={{kind: file, path: data.extxyz}}")
    assert re.search("data.extxyz: (ASE cannot read it|holds no structure|structure 0 says 8 atoms, but)", message)


def test_a_folder_in_the_place_of_structures_is_refused(refused_study: Refused, workdir: Path) -> None:
    assert f"{workdir}: is a folder, not a file" in refused_study("pool={kind: file, path: .}")
