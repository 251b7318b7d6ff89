"""Structure and vibrations of the crystal and the melt."""

import json
from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT
from matscipy.calculators.pair_potential import LennardJonesCut, PairPotential

from al_core.config.evaluation import PhononsEvaluation, StructureEvaluation
from al_core.evaluation.material import Material
from al_core.evaluation.phonons import phonons
from al_core.evaluation.properties import of_potential
from al_core.evaluation.structure import structure

SHORT = {"walkers": 1, "supercell": 1, "timestep_fs": 4.0, "picoseconds": 0.5}


@pytest.fixture(scope="module")
def crystal(silicon: Any) -> Any:
    return structure(silicon, StructureEvaluation(**SHORT | {"picoseconds": 2.0}))


def test_diamond_keeps_its_four_neighbours(crystal: Any) -> None:
    values = {name: one.value for name, one in crystal.properties.items()}
    assert list(values) == ["coordination_300K", "pressure_300K_GPa"], "no diffusion in a crystal"
    assert values["coordination_300K"] == pytest.approx(4, abs=0.02)
    assert abs(values["pressure_300K_GPa"]) < 1, "silicon hardly expands"


def test_the_details_are_distributions_of_the_crystal(crystal: Any, silicon: Any) -> None:
    json.dumps(crystal.details, allow_nan=False)
    (found,) = crystal.details.values()
    assert list(crystal.details) == ["300 K"]
    distance, g = np.array(found["rdf"]["r_A"]), np.array(found["rdf"]["g"])
    assert distance[g.argmax()] == pytest.approx(silicon.bond, abs=0.05)
    degree, density = np.array(found["angles"]["degree"]), np.array(found["angles"]["density"])
    assert (degree * density).sum() / density.sum() == pytest.approx(109.5, abs=1)
    assert max(found["msd"]["msd_A2"]) < 0.05, "atoms stay at their sites"


def test_vibrations_end_at_the_optical_mode(crystal: Any, silicon: Any) -> None:
    found = crystal.details["300 K"]["vdos"]
    frequency, density = np.array(found["frequency_THz"]), np.array(found["density"])
    assert np.trapezoid(density, frequency) == pytest.approx(1)
    highest = phonons(silicon, PhononsEvaluation()).properties["phonon_gamma_THz"].value
    seen = frequency[density > 0.1 * density.max()]
    assert seen[-1] == pytest.approx(highest, abs=1.5)


@pytest.fixture(scope="module")
def argon() -> Any:
    """Lennard-Jones argon, which melts near 84 K and is then 1.28 times as large as at rest."""
    return Material("Ar", PairPotential({(18, 18): LennardJonesCut(0.0104, 3.4, 8.5)}), "fcc")


def test_the_melt_flows(argon: Any) -> None:
    """A. Rahman, Phys. Rev. 136, A405 (1964): 0.24 Å²/ps at 94 K, of which a cell of 32 atoms takes some 0.08."""
    liquid = {"temperatures_K": (), "melt_K": 94.0, "melt_volume": 1.28, "supercell": 2, "timestep_fs": 10.0}
    found = structure(argon, StructureEvaluation(**SHORT | liquid | {"picoseconds": 4.0}))
    assert list(found.details) == ["melt"]
    json.dumps(found.details, allow_nan=False)
    values = {name: one.value for name, one in found.properties.items()}
    assert list(values) == ["coordination_melt", "pressure_melt_GPa", "diffusion_melt_A2_per_ps"]
    assert 0.07 < values["diffusion_melt_A2_per_ps"] < 0.35  # type: ignore[operator]
    assert abs(values["pressure_melt_GPa"]) < 0.1  # type: ignore[operator]
    assert values["coordination_melt"] < 11.5  # type: ignore[operator]
    assert min(found.details["melt"]["rdf"]["g"][75:]) > 0.3, "no gap between shells"


def test_a_walker_that_fails_is_a_remark() -> None:
    found = structure(Material("Cu", EMT()), StructureEvaluation(**SHORT | {"temperatures_K": (300.0, 30000.0)}))
    assert list(found.details) == ["300 K"]
    assert found.properties["coordination_300K"].value == pytest.approx(12, abs=0.1)
    failed = found.properties["coordination_30000K"]
    assert failed.value is None
    assert failed.remark.startswith("a walker fails after 0.0")
    assert "from their sites" in failed.remark


def test_a_crystal_that_does_not_melt_says_so(argon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("al_core.evaluation.structure._MELTING_PS", 1.0)
    settings = StructureEvaluation(
        **SHORT | {"temperatures_K": (), "melt_K": 20.0, "supercell": 2, "timestep_fs": 10.0}
    )
    found = structure(argon, settings)
    assert found.details == {}
    assert {one.value for one in found.properties.values()} == {None}
    assert found.properties["diffusion_melt_A2_per_ps"].remark == "the crystal does not melt at 40 K within 1 ps"


def test_without_a_crystal_no_walker_starts(without_minimum: Any) -> None:
    found = structure(without_minimum, StructureEvaluation(melt_K=100.0))
    assert {one.value for one in found.properties.values()} == {None}
    assert all("no least energy" in one.remark for one in found.properties.values())


def test_the_crystal_of_a_compound_has_its_neighbours(salt: Any) -> None:
    settings = StructureEvaluation(temperatures_K=(5.0,), picoseconds=0.5, walkers=1)
    found = of_potential(salt.potential, "NaCl", [settings], "rocksalt")["structure"].properties
    assert found["coordination_5K"].value == pytest.approx(6.0, abs=0.01)
