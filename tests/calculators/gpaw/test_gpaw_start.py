"""Atomic orbitals expanded in plane waves directly are those that GPAW expands by way of a grid."""

from typing import Any

import numpy as np
import pytest
from ase.build import bulk

CUTOFF_EV = 400.0  # the finer the grid, the less GPAW's orbitals differ from the atoms'


def _first_wave_functions(expansion: Any, monkeypatch: pytest.MonkeyPatch, kpts: tuple[int, ...]) -> list[np.ndarray]:
    """Return what a calculation starts from, for each k-point [bands, plane waves]; atoms lie outside the cell too."""
    from gpaw.new.calculation import DFT
    from gpaw.new.lcao.wave_functions import LCAOWaveFunctions

    monkeypatch.setattr(LCAOWaveFunctions, "to_pw_expansion", expansion)
    atoms = bulk("SiC", "zincblende", a=4.4)
    atoms.rattle(0.1, seed=0)
    atoms.positions[1] += atoms.cell[0] - 2 * atoms.cell[2]
    mode = {"name": "pw", "ecut": CUTOFF_EV}
    dft = DFT(atoms, mode=mode, xc="PBE", kpts=kpts, nbands=6, txt=None, converge=False)
    return [wfs.psit_nX.data.copy() for wfs in dft.ibzwfs]


@pytest.mark.dft
def test_they_are_gpaws(monkeypatch: pytest.MonkeyPatch) -> None:
    from calculators.gpaw import _start

    ours, gpaws = (
        _first_wave_functions(expansion, monkeypatch, (3, 3, 1))
        for expansion in (_start.to_pw_expansion, _start._GPAW_EXPANSION)
    )
    assert len(ours) == len(gpaws) == 5
    for one, other in zip(ours, gpaws, strict=True):
        assert np.linalg.norm(one - other) < 2e-3 * np.linalg.norm(other)


@pytest.mark.dft
def test_real_ones_are_left_to_gpaw(monkeypatch: pytest.MonkeyPatch) -> None:
    from calculators.gpaw import _start

    ours, gpaws = (
        _first_wave_functions(expansion, monkeypatch, (1, 1, 1))
        for expansion in (_start.to_pw_expansion, _start._GPAW_EXPANSION)
    )
    np.testing.assert_array_equal(ours[0], gpaws[0])
