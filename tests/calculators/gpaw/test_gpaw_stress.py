"""The stress of wave functions and densities in one product each is that of GPAW."""

from typing import Any

import numpy as np
import pytest
from ase.build import bulk


@pytest.mark.dft
@pytest.mark.parametrize("kpts", [(1, 1, 1), (3, 2, 1)], ids=["real wave functions at gamma", "several k-points"])
def test_it_is_gpaws(monkeypatch: pytest.MonkeyPatch, kpts: tuple[int, ...]) -> None:
    from gpaw.core.pwacf import PWLFC
    from gpaw.new.calculation import DFT

    from calculators.gpaw import _stress

    calls = []

    def both(self: Any, a_xG: Any, c_axi: Any = 1.0) -> np.ndarray:
        calls.append(a_xG.ndim)
        expected = _stress._GPAW_STRESS(self, a_xG, c_axi)
        got = _stress.stress_tensor_contribution(self, a_xG, c_axi)
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)
        return np.asarray(got)

    monkeypatch.setattr(PWLFC, "stress_tensor_contribution", both)
    atoms = bulk("SiC", "zincblende", a=4.4)
    atoms.rattle(0.1, seed=0)
    atoms.positions[1] += atoms.cell[0] - 2 * atoms.cell[2]  # outside the cell
    loose = {"energy": 1, "density": 1e-2, "eigenstates": 1e-2}
    dft = DFT(atoms, mode={"name": "pw", "ecut": 200}, xc="PBE", kpts=kpts, nbands=6, convergence=loose, txt=None)
    dft.calculate_stress()
    assert {1, 2} == set(calls)  # densities and wave functions
