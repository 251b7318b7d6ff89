"""Properties of hexagonal close-packed crystals: copper's, by effective medium theory."""

from typing import Any

import numpy as np
import pytest
from ase import units
from ase.build import hcp0001
from ase.calculators.emt import EMT
from ase.data import atomic_masses, atomic_numbers
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from al_core.config.evaluation import (
    DefectsEvaluation,
    ElasticEvaluation,
    LatticeEvaluation,
    PhononsEvaluation,
    StabilityEvaluation,
    SurfacesEvaluation,
)
from al_core.errors import ConfigError
from al_core.evaluation.defects import defects
from al_core.evaluation.elastic import elastic
from al_core.evaluation.equation import primitive_cell
from al_core.evaluation.lattice import lattice
from al_core.evaluation.material import Material, atoms_in
from al_core.evaluation.measured import Measured
from al_core.evaluation.phonons import dynamics, frequencies, phonons
from al_core.evaluation.stability import walk
from al_core.evaluation.surfaces import surfaces


@pytest.fixture(scope="module")
def copper() -> Material:
    return Material("Cu", EMT(), "hcp")


@pytest.fixture(scope="module")
def constants(copper: Material) -> dict[str, float]:
    return values(elastic(copper, ElasticEvaluation()))


def values(found: Measured) -> dict[str, Any]:
    return {name: one.value for name, one in found.properties.items()}


def test_both_lattice_constants_are_those_without_stress(copper: Material) -> None:
    relaxed = primitive_cell("Cu", "hcp", 12.0)
    relaxed.calc = EMT()
    BFGS(FrechetCellFilter(relaxed), logfile=None).run(fmax=1e-5)
    found = values(lattice(copper, LatticeEvaluation(phases=())))
    a, _, c = relaxed.cell.lengths()
    assert found["lattice_constant_A"] == pytest.approx(a, rel=2e-4)
    assert found["lattice_constant_c_A"] == pytest.approx(c, rel=2e-4)


def test_the_bulk_modulus_is_that_of_the_elastic_constants(copper: Material, constants: dict[str, float]) -> None:
    c11, c12, c13, c33 = (constants[f"C{name}_GPa"] for name in ("11", "12", "13", "33"))
    relaxed = (c33 * (c11 + c12) - 2 * c13**2) / (c11 + c12 + 2 * c33 - 4 * c13)  # c/a gives way under pressure
    assert copper.equation.bulk_modulus_GPa == pytest.approx(relaxed, rel=0.005)


def test_c33_and_c13_are_the_stresses_of_a_strain_along_c(copper: Material, constants: dict[str, float]) -> None:
    strain, stresses = 1e-3, []
    for sign in (-1, 1):
        atoms = copper.primitive
        atoms.set_cell(atoms.cell.array * [1, 1, 1 + sign * strain], scale_atoms=True)
        atoms.calc = EMT()
        stresses.append(atoms.get_stress() / units.GPa)
    slopes = (stresses[1] - stresses[0]) / (2 * strain)
    assert constants["C33_GPa"] == pytest.approx(slopes[2], rel=0.01)
    assert constants["C13_GPa"] == pytest.approx(slopes[0], rel=0.01)


def test_long_waves_along_c_have_the_speed_of_sound(copper: Material, constants: dict[str, float]) -> None:
    cell = copper.primitive
    density = 2 * atomic_masses[atomic_numbers["Cu"]] / cell.get_volume()
    phonon = dynamics(copper, PhononsEvaluation(supercell=3))
    part = 0.02  # of the way along c*
    found = frequencies(phonon, [(0, 0, part)])[0][:3]
    wavelength = cell.cell.lengths()[2] / part
    for one, name in zip(found, ("44", "44", "33"), strict=True):
        speed = np.sqrt(constants[f"C{name}_GPa"] * units.GPa / density)  # Å per ASE's unit of time
        assert one == pytest.approx(speed / wavelength * units.fs * 1e3, rel=0.03)


def test_phonons_have_the_points_and_lines_of_the_hexagonal_lattice(copper: Material) -> None:
    found = phonons(copper, PhononsEvaluation())
    assert {name for name in found.properties if "_M_" in name or "_A_" in name} == {
        f"phonon_{point}_{which}_THz" for point in "MA" for which in ("lowest", "highest")
    }
    assert found.properties["imaginary_modes_percent"].value == 0
    assert found.details["dispersion"]["labels"] == list("ΓMKΓALHA")


def test_the_basal_surface_is_that_of_ases_slab(copper: Material) -> None:
    a, _, c = copper.primitive.cell.lengths()
    slab = hcp0001("Cu", (1, 1, 9), a=a, c=c, vacuum=6.0, periodic=True)
    slab.calc = EMT()
    BFGS(slab, logfile=None).run(fmax=1e-3)
    area = np.linalg.norm(np.cross(*slab.cell.array[:2]))
    expected = (slab.get_potential_energy() - 9 * copper.equation.energy) / (2 * area) / (units.J / units.m**2)
    found = values(surfaces(copper, SurfacesEvaluation()))
    assert found["surface_0001_J_per_m2"] == pytest.approx(expected, rel=0.01)
    assert found["surface_1010_J_per_m2"] > expected  # fewer neighbours


def test_a_vacancy_is_made_in_a_cell_that_is_wide_enough(copper: Material) -> None:
    assert copper.cell(2).get_chemical_formula() == "Cu36"
    assert min(copper.cell(2).cell.lengths()) > 2.9 * copper.bond
    found = defects(copper, DefectsEvaluation()).properties
    assert found["vacancy_formation_energy_eV"].value == pytest.approx(1.2, abs=0.1)
    assert found["interstitial_formation_energy_eV"].value is None
    assert found["interstitial_formation_energy_eV"].remark == "not of hcp"


def test_walkers_of_it_are_stable(copper: Material) -> None:
    settings = StabilityEvaluation(temperatures_K=(300,), ensembles=("nvt",), walkers=1, picoseconds=0.2)
    assert [one.failure for one in walk(copper, settings)] == [""]


def test_an_element_that_is_hcp_starts_from_its_own_cell() -> None:
    titanium = Material("Ti", EMT())
    a, _, c = titanium.expected.cell.lengths()
    assert (a, c) == pytest.approx((2.95, 1.586 * 2.95), rel=0.005)
    assert atoms_in("Ti", None, 3) == 150


def test_as_a_phase_it_has_its_own_ratio() -> None:
    silver = Material("Ag", EMT())
    found = values(lattice(silver, LatticeEvaluation(phases=("hcp",))))
    other = Material("Ag", EMT(), "hcp").equation
    assert found["hcp_energy_meV_per_atom"] == pytest.approx(1e3 * (other.energy - silver.equation.energy), abs=0.01)


def test_another_crystal_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Ga crystallises as orthorhombic; .* of diamond, fcc, bcc, sc, hcp"):
        Material("Ga", EMT())
