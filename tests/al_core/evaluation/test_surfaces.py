"""Surfaces."""

from typing import Any

import numpy as np
import pytest
from ase.calculators.lj import LennardJones

from al_core.config.evaluation import SurfacesEvaluation
from al_core.evaluation.material import Material
from al_core.evaluation.surfaces import _slab, surfaces

_J_PER_M2 = 16.0218  # eV/Å^2


@pytest.mark.parametrize(("face", "bonds"), [((1, 0, 0), 4.0), ((1, 1, 0), 2 * 2**0.5), ((1, 1, 1), 4 / 3**0.5)])
def test_an_unrelaxed_surface_costs_the_bonds_that_are_cut(silicon: Any, face: Any, bonds: float) -> None:
    """Of a potential that is flat at the crystal's bonds and angles: half an epsilon a cut bond and side.

    Cut bonds per a^2 of one surface: 4 of (100), 2.83 of (110), 2.31 of (111), the cut through single bonds.
    """
    slab = _slab(silicon, SurfacesEvaluation(), face)
    area = np.linalg.norm(np.cross(*slab.cell.array[:2]))
    energy = (silicon.energy(slab) - len(slab) * silicon.equation.energy) / (2 * area)
    assert energy == pytest.approx(2.1683 / 2 * bonds / silicon.lattice_constant**2, rel=1e-3)


@pytest.mark.parametrize(
    ("element", "structure", "areas"),
    [
        ("Ge", "diamond", (1 / 2, 2**0.5 / 2, 3**0.5 / 4)),
        ("Cu", "fcc", (1 / 2, 2**0.5 / 2, 3**0.5 / 4)),
        ("W", "bcc", (1, 2**0.5 / 2, 3**0.5)),
        ("Po", "sc", (1, 2**0.5, 3**0.5)),
    ],
)
def test_slabs_are_as_small_as_the_crystal_lets_them(
    element: str, structure: str, areas: tuple[float, ...], silicon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = Material(element, silicon.potential, structure)
    monkeypatch.setattr(Material, "lattice_constant", 4.0)
    for face, area in zip([(1, 0, 0), (1, 1, 0), (1, 1, 1)], areas, strict=True):
        slab = _slab(material, SurfacesEvaluation(), face)
        first, second, height = slab.cell.array
        assert np.linalg.norm(np.cross(first, second)) == pytest.approx(16 * area)
        assert height[:2] == pytest.approx((0, 0), abs=1e-9)
        inner = abs(first @ second) / min(first @ first, second @ second)
        assert inner <= 0.5 + 1e-9, "the cell is skewed"


def test_relaxed_surfaces_cost_no_more(silicon: Any) -> None:
    found = [one.value for one in surfaces(silicon, SurfacesEvaluation()).properties.values()]
    ideal = [2.1683 / 2 * bonds / 5.431**2 * _J_PER_M2 for bonds in (4.0, 2 * 2**0.5, 4 / 3**0.5)]
    assert all(
        value is not None and 0.5 * most < value < 1.001 * most for value, most in zip(found, ideal, strict=True)
    )


def test_the_energy_does_not_depend_on_the_thickness(silicon: Any) -> None:
    thin, thick = (surfaces(silicon, SurfacesEvaluation(thickness_A=size)).properties for size in (16, 30))
    for name, one in thin.items():
        assert one.value == pytest.approx(thick[name].value, rel=5e-3)


def test_without_a_crystal_there_are_none(without_minimum: Any) -> None:
    assert {one.value for one in surfaces(without_minimum, SurfacesEvaluation()).properties.values()} == {None}


def test_faces_of_a_compound_cost_the_bonds_that_are_cut_or_are_polar(salt: Any) -> None:
    """A bond of 1 eV for each surface atom of (100), two of (110); the planes of (111) are of one element each."""
    assert salt.lattice_constant == pytest.approx(5.4, rel=1e-4)
    found = surfaces(salt, SurfacesEvaluation()).properties
    of_100 = 0.5 / 2.7**2 * _J_PER_M2
    assert found["surface_100_J_per_m2"].value == pytest.approx(of_100, rel=1e-3)
    assert found["surface_110_J_per_m2"].value == pytest.approx(2**0.5 * of_100, rel=1e-3)
    assert (found["surface_111_J_per_m2"].value, found["surface_111_J_per_m2"].remark[:5]) == (None, "polar")


def test_of_zincblende_only_one_face_is_not_polar() -> None:
    material = Material("GaAs", LennardJones(sigma=2.45 / 2 ** (1 / 6), epsilon=1.0, rc=3.0), "zincblende")
    found = surfaces(material, SurfacesEvaluation()).properties
    assert [one.value is None for one in found.values()] == [True, False, True]
