"""Elastic constants."""

from typing import Any

import pytest

from al_core.config.evaluation import ElasticEvaluation
from al_core.evaluation import relaxation
from al_core.evaluation.elastic import elastic
from al_core.evaluation.material import Material


def test_stillinger_weber_silicon(silicon: Any) -> None:
    """Relaxed values of Balamane, Halicioglu and Tiller, Phys. Rev. B 46, 2250 (1992)."""
    found = {name: one.value for name, one in elastic(silicon, ElasticEvaluation()).properties.items()}
    assert found["C11_GPa"] == pytest.approx(151.4, abs=0.2)
    assert found["C12_GPa"] == pytest.approx(76.4, abs=0.2)
    assert found["C44_GPa"] == pytest.approx(56.4, abs=0.2)
    assert found["least_stiffness_GPa"] == pytest.approx(56.4, abs=0.2)


def test_the_bulk_modulus_is_that_of_the_equation_of_state(silicon: Any) -> None:
    found = elastic(silicon, ElasticEvaluation(strain=0.002)).properties
    c11, c12 = (found[name].value for name in ("C11_GPa", "C12_GPa"))
    assert c11 is not None
    assert c12 is not None
    assert (c11 + 2 * c12) / 3 == pytest.approx(silicon.equation.bulk_modulus_GPa, rel=2e-3)


def test_a_crystal_that_gives_way_is_told(silicon: Any) -> None:
    found = elastic(Material("Si", silicon.potential, "fcc"), ElasticEvaluation()).properties
    least = found["least_stiffness_GPa"]
    assert least.value is not None
    assert least.value < 0
    assert "not stable" in least.remark


def test_a_crystal_that_does_not_come_to_rest_says_so(silicon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "_STEPS", 1)
    found = elastic(silicon, ElasticEvaluation()).properties
    assert {one.value for one in found.values()} == {None}
    assert all("after 1 steps" in one.remark for one in found.values())


def test_without_a_crystal_there_are_none(without_minimum: Any) -> None:
    found = elastic(without_minimum, ElasticEvaluation()).properties
    assert {name: one.value for name, one in found.items()} == {"C11_GPa": None, "C12_GPa": None, "C44_GPa": None}
