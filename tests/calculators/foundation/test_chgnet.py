"""What CHGNet knows, what it does not, and what is said where its package is not there."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from al_core.config.labelers import CHGNetLabeler
from al_core.errors import LabelError
from calculators.base import make_labeler
from calculators.foundation import chgnet
from calculators.foundation.chgnet import CHGNetLabeler as Labeler


@pytest.fixture
def labeler() -> Labeler:
    return Labeler(CHGNetLabeler())


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = metadata.version

    def version(name: str) -> str:
        if name == "chgnet":
            raise metadata.PackageNotFoundError(name)
        return found(name)

    chgnet._version.cache_clear()
    monkeypatch.setattr(chgnet.metadata, "version", version)


def test_the_energy_is_the_one_that_chgnet_publishes(labeler: Labeler, tmp_path: Path) -> None:
    """The example of CHGNet's own documentation, LiMnO2: -7.37 eV/atom, predicted by version 0.3.0."""
    heights = [0.3798, 0.6202, 0.8633, 0.1367, 0.3610, 0.0985, 0.9015, 0.6390]
    sites = [(0.5, 0.5), (0, 0), (0.5, 0.5), (0, 0), (0.5, 0), (0, 0.5), (0.5, 0), (0, 0.5)]
    scaled = [(*site, height) for site, height in zip(sites, heights, strict=True)]
    atoms = Atoms("Li2Mn2O4", scaled_positions=scaled, cell=[2.868779, 4.634475, 5.832507], pbc=True)
    assert labeler.label(atoms, tmp_path).energy / 8 == pytest.approx(-7.3677, abs=1e-4)


@pytest.mark.parametrize("model", ["0.2.0", "0.3.0", "r2scan"])
def test_silicon_and_germanium_have_their_lattice_constants_within_two_percent(model: str, tmp_path: Path) -> None:
    labeler = make_labeler(CHGNetLabeler(model=model))
    for element, expected_A in {"Si": 5.47, "Ge": 5.76}.items():
        lengths = expected_A * np.linspace(0.96, 1.04, 9)
        energies = [labeler.label(bulk(element, "diamond", length), tmp_path).energy for length in lengths]
        smallest = np.polyfit(lengths, energies, 3)
        minimum = [root for root in np.roots(np.polyder(smallest)) if lengths[0] < root < lengths[-1]]
        assert minimum == pytest.approx([expected_A], rel=0.02)


def test_its_weights_are_read_without_executing_code(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, load = [], torch.load

    def watched(*arguments: object, **settings: object) -> object:
        asked.append(settings["weights_only"])
        return load(*arguments, **settings)

    monkeypatch.setattr(torch, "load", watched)
    chgnet._model.cache_clear()
    chgnet._model("0.3.0")
    assert asked == [True]


def test_nothing_is_printed_where_a_command_prints_json(
    labeler: Labeler, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chgnet._model.cache_clear()
    labeler.label(bulk("Ge", "diamond", 5.76), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_molecule_needs_no_cell_and_has_no_stress(labeler: Labeler, tmp_path: Path) -> None:
    here = labeler.label(molecule("SiH4"), tmp_path)
    there = labeler.label(molecule("SiH4", cell=[40, 41, 42], positions=molecule("SiH4").positions + 7), tmp_path)
    assert here.stress is None
    assert there.energy == pytest.approx(here.energy, abs=1e-10)
    slab = bulk("Ge", "diamond", 5.76, cubic=True)
    slab.pbc = [True, True, False]
    assert labeler.label(slab, tmp_path).stress is None


@pytest.mark.parametrize(
    ("model", "element", "expected"),
    [
        ("0.3.0", "Po", "CHGNet 0.3.0 has seen no Po: it knows the elements up to Pu but for Po, At, Rn, Fr, Ra"),
        ("0.3.0", "Am", "CHGNet 0.3.0 has seen no Am"),
        ("r2scan", "Yb", "CHGNet r2scan has seen no Yb"),
    ],
)
def test_an_element_it_does_not_know_is_refused(model: str, element: str, expected: str) -> None:
    labeler = make_labeler(CHGNetLabeler(model=model))
    with pytest.raises(LabelError, match=expected):
        labeler.check(bulk(element, "fcc", 5.0))


def test_an_atom_without_a_neighbour_is_refused(labeler: Labeler) -> None:
    labeler.check(bulk("Ge", "fcc", 8.4))  # 5.94 Å
    with pytest.raises(LabelError, match="1 of 1 atoms have no neighbour within 6 Å, CHGNet's cutoff"):
        labeler.check(bulk("Ge", "fcc", 8.6))


@pytest.mark.usefixtures("not_installed")
def test_what_to_install_is_said_where_it_is_not_installed(labeler: Labeler) -> None:
    for asked in (labeler.identity, lambda: labeler.preflight(["Ge"])):
        with pytest.raises(LabelError, match=r"CHGNet is not installed; pip install graft-mlip\[foundation\]"):
            asked()


def test_a_note_says_that_it_has_seen_the_element(labeler: Labeler) -> None:
    assert labeler.notes([bulk("Ge")]) == ["CHGNet 0.3.0 has been trained on Ge among other elements"]
