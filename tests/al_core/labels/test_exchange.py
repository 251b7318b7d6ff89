"""Labels computed elsewhere come into a store under their own level of theory, and labels go out as MACE reads them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.io import read, write

import flows.cli
from al_core.config.labelers import ImportedLabeler, StillingerWeberLabeler
from al_core.errors import ConfigError
from al_core.labels.exchange import export_labels, import_labels, levels
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.structures.datasets import LabelKeys, labelled_structures, write_labelled
from al_core.types import Label
from calculators.base import make_labeler

ROOT = Path(__file__).resolve().parents[3]
VASP = make_labeler(ImportedLabeler(theory="PBE, VASP 6, 520 eV"))


@pytest.fixture
def labelled(tmp_path: Path, ge_labelled: Any) -> Path:
    write_labelled(tmp_path / "data.extxyz", ge_labelled)
    return tmp_path / "data.extxyz"


def bring_in(store: LabelStore, file: Path) -> tuple[int, int]:
    return import_labels(store, labelled_structures(file, LabelKeys()), file, VASP)


def test_imported_labels_are_found_by_their_theory_and_by_no_other(
    store: LabelStore, labelled: Path, tmp_path: Path
) -> None:
    assert bring_in(store, labelled) == (5, 0)
    for atoms, label in labelled_structures(labelled, LabelKeys()):
        entry = obtain_label(store, VASP, atoms, tmp_path / "files").entry
        assert entry.label.energy == label.energy
        np.testing.assert_array_equal(entry.label.forces, label.forces)
        np.testing.assert_array_equal(entry.label.stress, label.stress)
        assert entry.core_seconds == 0.0
        assert entry.label.provenance["file"] == str(labelled)
        other = make_labeler(ImportedLabeler(theory="LDA"))
        assert obtain_label(store, other, atoms, tmp_path / "files").entry.state == "failed"


def test_importing_twice_changes_nothing(store: LabelStore, labelled: Path) -> None:
    bring_in(store, labelled)
    before = [(entry.key, entry.label.energy) for entry in store.entries()]
    assert bring_in(store, labelled) == (0, 5)
    assert [(entry.key, entry.label.energy) for entry in store.entries()] == before


def test_a_label_that_was_asked_for_in_vain_is_there_once_it_is_imported(
    store: LabelStore, labelled: Path, tmp_path: Path
) -> None:
    atoms, _ = labelled_structures(labelled, LabelKeys())[0]
    assert obtain_label(store, VASP, atoms, tmp_path / "files").entry.state == "failed"
    assert bring_in(store, labelled) == (5, 0)
    assert obtain_label(store, VASP, atoms, tmp_path / "files").entry.state == "done"


def test_a_file_that_contradicts_the_store_changes_nothing(
    store: LabelStore, labelled: Path, ge_labelled: Any, tmp_path: Path
) -> None:
    bring_in(store, labelled)
    atoms, label = ge_labelled[1]
    new = ge_labelled[0][0].copy()
    new.rattle(0.01, seed=1)
    other = tmp_path / "other.extxyz"
    write_labelled(other, [(new, label), (atoms, Label(label.energy + 1e-3, label.forces, label.stress))])
    with pytest.raises(ConfigError, match=r"structure 1 has another label .* import it under a --theory of its own"):
        bring_in(store, other)
    assert len(store.entries()) == 5


@pytest.mark.parametrize("stress", [None, 0.01])
def test_a_file_with_other_stresses_contradicts_the_store(
    store: LabelStore, labelled: Path, ge_labelled: Any, tmp_path: Path, stress: float | None
) -> None:
    bring_in(store, labelled)
    atoms, label = ge_labelled[1]
    changed = None if stress is None else label.stress + stress
    write_labelled(tmp_path / "other.extxyz", [(atoms, Label(label.energy, label.forces, changed))])
    with pytest.raises(ConfigError, match="has another label"):
        bring_in(store, tmp_path / "other.extxyz")


def test_labels_go_out_as_they_came_in(store: LabelStore, labelled: Path, tmp_path: Path) -> None:
    bring_in(store, labelled)
    assert export_labels(store, tmp_path / "out.extxyz") == 5
    for (atoms, label), (_, expected) in zip(
        labelled_structures(tmp_path / "out.extxyz", LabelKeys()),
        labelled_structures(labelled, LabelKeys()),
        strict=True,
    ):
        assert label.energy == pytest.approx(expected.energy, abs=1e-7)
        np.testing.assert_allclose(label.forces, expected.forces, atol=1e-7)
        np.testing.assert_allclose(label.stress, expected.stress, atol=1e-7)
        assert atoms.info["level"] == levels(store)[0].id


@pytest.fixture
def two_levels(store: LabelStore, labelled: Path, tmp_path: Path) -> LabelStore:
    """A store with labels of two levels of theory."""
    bring_in(store, labelled)
    for atoms in read(labelled, ":2"):
        obtain_label(store, make_labeler(StillingerWeberLabeler()), atoms, tmp_path / "files")
    return store


def test_levels_do_not_mix_unless_told(two_levels: LabelStore, tmp_path: Path) -> None:
    out = tmp_path / "out.extxyz"
    imported, ours = levels(two_levels)
    assert (imported.labeler, imported.labels, ours.labeler, ours.labels) == ("imported", 5, "stillinger_weber", 2)
    assert "VASP 6" in imported.settings
    with pytest.raises(ConfigError, match=r"labels of 2 levels of theory .*VASP 6.*--level.*--mix-levels"):
        export_labels(two_levels, out)
    with pytest.raises(ConfigError, match="--level Txyz: no label of it"):
        export_labels(two_levels, out, "Txyz")
    assert not out.exists()
    assert export_labels(two_levels, out, ours.id[:8]) == 2
    assert export_labels(two_levels, out, mix_levels=True) == 7
    assert len(labelled_structures(out, LabelKeys())) == 7, "to mix them was asked for"


def test_a_file_of_two_levels_is_not_trained_on(two_levels: LabelStore, tmp_path: Path) -> None:
    frames: list[Atoms] = []
    for number, level in enumerate(levels(two_levels)):
        export_labels(two_levels, tmp_path / f"{number}.extxyz", level.id)
        frames += read(tmp_path / f"{number}.extxyz", ":")
    write(tmp_path / "both.extxyz", frames)
    with pytest.raises(ConfigError, match="are of 2 levels of theory"):
        labelled_structures(tmp_path / "both.extxyz", LabelKeys())


def test_an_empty_store_has_nothing_to_export(store: LabelStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no finished label"):
        export_labels(store, tmp_path / "out.extxyz")


def _graft(*arguments: object, cwd: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / "graft", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_import_list_and_export(labelled: Path, tmp_path: Path) -> None:
    output = _graft("label", "--import", labelled, "--theory", "PBE", "--out", "there", cwd=tmp_path)
    assert output.startswith("5 labels imported, 0 were there: ")
    assert "imported" in _graft("labels", "list", "there", cwd=tmp_path)
    ((level,),) = [json.loads(_graft("labels", "list", "there", "--json", cwd=tmp_path))["levels"]]
    assert (level["labeler"], level["id"][0]) == ("imported", "T")
    _graft("labels", "export", "there/labels.db", "--out", "x.extxyz", cwd=tmp_path)
    assert len(read(tmp_path / "x.extxyz", ":")) == 5


@pytest.mark.parametrize("options", [["--stress-unit", "kbar"], ["--virial-key", "w"]])
def test_stresses_are_converted_as_they_are_imported(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    frames = read(labelled, ":")
    right = [frame.info["REF_stress"] for frame in frames]
    for frame, stress in zip(frames, right, strict=True):
        frame.info |= {"REF_stress": stress / units.GPa * 10, "w": -stress * frame.cell.volume}
    write(tmp_path / "other.extxyz", frames)
    arguments = ["--import", tmp_path / "other.extxyz", "--theory", "PBE", "--out", tmp_path / "out", *options]
    monkeypatch.setattr(sys, "argv", ["graft", "label", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        flows.cli.main()
    assert ended.value.code == 0
    stored = [entry.label.stress for entry in LabelStore(tmp_path / "out" / "labels.db").entries()]
    np.testing.assert_allclose(stored, right, atol=1e-7)


def test_what_was_imported_on_a_server_is_there(labelled: Path, postgres: str, tmp_path: Path) -> None:
    _graft("label", "--import", labelled, "--theory", "PBE", "--store", postgres, "--out", "there", cwd=tmp_path)
    _graft("labels", "export", postgres, "--out", "x.extxyz", cwd=tmp_path)
    assert len(read(tmp_path / "x.extxyz", ":")) == 5
