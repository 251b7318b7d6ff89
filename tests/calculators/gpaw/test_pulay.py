"""The Pulay stress that is foreseen, against that of GPAW."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.units import GPa, Hartree

from al_core.config.labelers import GPAWLabeler
from calculators.base import make_labeler
from calculators.gpaw.pulay import _tail, pulay_pressure

MGO = bulk("MgO", "rocksalt", a=4.21)


def test_a_low_cutoff_for_oxygen_is_noted_with_one_that_is_enough() -> None:
    (note,) = make_labeler(GPAWLabeler(cutoff_eV=500)).notes([MGO])
    assert note.startswith("cutoff_eV 500 is low for O: pressures will be some 18 GPa too low")
    assert "cutoff_eV: 700 leaves" in note
    assert make_labeler(GPAWLabeler(cutoff_eV=700)).notes([MGO]) == []


@pytest.mark.parametrize("element", ["Si", "Ge"])
def test_the_preset_is_enough_for_what_it_was_made_for(element: str) -> None:
    assert make_labeler(GPAWLabeler()).notes([bulk(element, "diamond", a=5.6)]) == []


def test_vacuum_dilutes_it_and_no_structure_has_none() -> None:
    slab = MGO.copy()
    slab.set_cell(2 * MGO.cell.array)
    assert pulay_pressure(slab, "PBE", 500) == pytest.approx(pulay_pressure(MGO, "PBE", 500) / 8)
    assert make_labeler(GPAWLabeler(cutoff_eV=300)).notes([]) == []


@pytest.mark.dft
def test_it_is_what_gpaw_has(tmp_path: Path) -> None:
    pressure = {}
    for cutoff in (500, 900):
        folder = tmp_path / str(cutoff)
        folder.mkdir()
        label = make_labeler(GPAWLabeler(cutoff_eV=cutoff, kpt_density=2)).label(MGO, folder)
        assert label.stress is not None
        pressure[cutoff] = -label.stress[:3].mean() / GPa
    assert pressure[900] - pressure[500] == pytest.approx(pulay_pressure(MGO, "PBE", 500), rel=0.2)


@pytest.mark.parametrize("element", ["O", "C", "Cu", "Fe"])
def test_the_tails_of_partial_waves_are_those_of_gpaw(element: str) -> None:
    from gpaw.setup import create_setup
    from gpaw.utilities.ekin import ekin
    from gpaw.xc import XC

    momenta, density, _ = ekin(create_setup(element, XC("PBE")))
    energies, falls = _tail(element, "PBE")
    theirs = np.interp(energies, Hartree * momenta[1:] ** 2 / 2, density[1:] / momenta[1:])
    within = (energies > 100) & (energies < 500)
    assert falls[within] == pytest.approx(theirs[within], rel=0.05, abs=1e-4)
