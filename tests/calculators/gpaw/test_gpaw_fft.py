"""GPAW with shorter Fourier transforms gives the numbers of GPAW."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk

from al_core.config.labelers import GPAWLabeler
from al_core.storage.files import write_json

CUBIC, SKEW = np.diag([5.0, 5.5, 8.0]), np.array([[4.0, 0, 0], [1.5, 5.0, 0], [-1.0, 0.7, 6.0]])
CORNER = (0.5, -0.5, 0.5)


def _wave_functions(cell: np.ndarray, kpt: tuple[float, float, float], margin: int) -> tuple[Any, Any, Any]:
    """Return GPAW's Hamiltonian, a random potential on its grid and three random wave functions."""
    from gpaw.core import PWDesc
    from gpaw.new.pw.hamiltonian import PWHamiltonian

    rng = np.random.default_rng(0)
    pw = PWDesc(ecut=4.0, cell=cell, kpt=kpt, dtype=complex)
    grid = pw.minimal_uniform_grid(n=margin)
    potential, psit = grid.new(dtype=float, kpt=(0.0, 0.0, 0.0)).empty(), pw.empty(3)
    potential.data[:] = rng.normal(size=potential.data.shape)
    psit.data[:] = rng.normal(size=psit.data.shape) + 1j * rng.normal(size=psit.data.shape)
    return PWHamiltonian(grid, complex), potential, psit


@pytest.mark.parametrize("cell", [CUBIC, SKEW], ids=["cubic", "skew"])
@pytest.mark.parametrize("kpt", [(0.0, 0.0, 0.0), (0.2, -0.4, 0.1), CORNER], ids=str)
@pytest.mark.parametrize("margin", [1, 16], ids=["tight grid", "wide grid"])
def test_hamiltonian_and_density_are_gpaws(cell: np.ndarray, kpt: tuple[float, float, float], margin: int) -> None:
    from gpaw.core.plane_waves import PWArray
    from gpaw.new.pw.hamiltonian import PWHamiltonian

    from calculators.gpaw import _fft

    hamiltonian, potential, psit = _wave_functions(cell, kpt, margin)
    expected, got = psit.new(), psit.new()
    PWHamiltonian.apply_local_potential(hamiltonian, potential, psit, expected)
    _fft.apply_local_potential(hamiltonian, potential, psit, got)
    np.testing.assert_allclose(got.data, expected.data, atol=1e-12)

    densities = [potential.copy(), potential.copy()]
    weights = np.array([2.0, 0.0, 0.3])
    PWArray.abs_square(psit, weights, densities[0])
    _fft.abs_square(psit, weights, densities[1])
    np.testing.assert_allclose(densities[1].data, densities[0].data, rtol=1e-12, atol=1e-12)


def test_real_wave_functions_are_left_to_gpaw() -> None:
    from gpaw.core import PWDesc
    from gpaw.core.plane_waves import PWArray

    from calculators.gpaw import _fft

    pw = PWDesc(ecut=4.0, cell=CUBIC, dtype=float)
    psit, weights = pw.empty(2), np.ones(2)
    psit.data[:] = np.random.default_rng(0).normal(size=psit.data.shape)
    densities = [pw.minimal_uniform_grid(n=4).zeros() for _ in range(2)]
    PWArray.abs_square(psit, weights, densities[0])
    _fft.abs_square(psit, weights, densities[1])
    np.testing.assert_array_equal(densities[1].data, densities[0].data)


@pytest.mark.dft
@pytest.mark.parametrize("kpt_density", [0.6, 1.5], ids=["real wave functions at gamma", "several k-points"])
def test_a_label_is_gpaws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kpt_density: float) -> None:
    from gpaw.core.plane_waves import PWArray
    from gpaw.core.pwacf import PWLFC
    from gpaw.new.lcao.wave_functions import LCAOWaveFunctions
    from gpaw.new.pw.hamiltonian import PWHamiltonian

    from calculators.gpaw import _fft, _start, _stress, _worker

    # what the worker replaces is put back at the end
    monkeypatch.setattr(PWHamiltonian, "apply_local_potential", PWHamiltonian.apply_local_potential)
    monkeypatch.setattr(PWArray, "abs_square", PWArray.abs_square)
    monkeypatch.setattr(LCAOWaveFunctions, "to_pw_expansion", LCAOWaveFunctions.to_pw_expansion)
    monkeypatch.setattr(PWLFC, "stress_tensor_contribution", PWLFC.stress_tensor_contribution)
    settings = GPAWLabeler(cutoff_eV=150, kpt_density=kpt_density).model_dump(mode="json")
    write_json(tmp_path / "settings.json", {**settings, "rung": {}})
    atoms = bulk("Ge", "diamond", a=5.7)
    atoms.rattle(0.1, seed=0)
    atoms.write(tmp_path / "structure.json")

    ours = _worker.compute(tmp_path)
    assert PWHamiltonian.apply_local_potential is _fft.apply_local_potential
    monkeypatch.undo()
    for part in (_fft, _start, _stress):
        monkeypatch.setattr(part, "install", lambda: None)
    gpaws = _worker.compute(tmp_path)
    assert ours["scf_steps"] == gpaws["scf_steps"]
    np.testing.assert_allclose(ours["energy"], gpaws["energy"], atol=1e-6)
    np.testing.assert_allclose(ours["forces"], gpaws["forces"], atol=1e-4)
    np.testing.assert_allclose(ours["stress"], gpaws["stress"], atol=1e-6)
