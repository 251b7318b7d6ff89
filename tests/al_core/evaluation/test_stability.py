"""Stability of molecular dynamics."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT

from al_core.config.evaluation import StabilityEvaluation
from al_core.evaluation.material import Material
from al_core.evaluation.stability import stability, walk

SHORT = {"walkers": 2, "picoseconds": 0.2, "supercell": 1}


@pytest.fixture(scope="module")
def copper() -> Any:
    return Material("Cu", EMT())


def test_copper_is_stable_below_melting(copper: Any) -> None:
    found = stability(copper, StabilityEvaluation(temperatures_K=(300, 600), timestep_fs=4, **SHORT)).properties
    shares = {name: one.value for name, one in found.items() if name.endswith("percent")}
    assert shares == {f"stable_{e}_{t}K_percent": 100.0 for e in ("nvt", "nve") for t in (300, 600)}
    assert found["stable_nve_600K_percent"].remark == "2 walkers of 0.2 ps; 95 %: 34 to 100 %"
    assert found["drift_300K_meV_per_atom_per_ps"].value < 10  # type: ignore[operator]


@pytest.mark.parametrize(
    ("settings", "failure"),
    [
        ({"temperatures_K": (30000.0,), "timestep_fs": 2.0, "ensembles": ("nvt",)}, "the lattice is lost: atoms are"),
        ({"temperatures_K": (300.0,), "timestep_fs": 60.0, "ensembles": ("nve",), "picoseconds": 5.0}, "a "),
    ],
)
def test_what_is_not_stable_says_when_and_why(copper: Any, settings: dict[str, Any], failure: str) -> None:
    walks = walk(copper, StabilityEvaluation(**{**SHORT, **settings}))
    assert all(failure in one.failure for one in walks)
    assert all(one.time_ps < settings.get("picoseconds", 0.2) for one in walks)
    measured = stability(copper, StabilityEvaluation(**{**SHORT, **settings}))
    assert measured.details["walks"] == [asdict(one) for one in walks]
    found = measured.properties
    (share,) = (one for name, one in found.items() if name.startswith("stable"))
    assert share.value == 0
    assert share.remark.startswith("2 of 2 failed; 95 %: 0 to 66 %; the first after ")


def test_a_walk_is_a_step_at_least(copper: Any) -> None:
    walks = walk(copper, StabilityEvaluation(**{**SHORT, "picoseconds": 0.0001}))
    assert {(one.failure, one.drift_meV_per_atom_per_ps is None) for one in walks} == {("", True), ("", False)}


class Exploding(EMT):
    """Copper whose energy and forces are no numbers after some calls."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls

    def calculate(self, *given: Any, **named: Any) -> None:
        super().calculate(*given, **named)
        self.left -= 1
        if self.left < 0:
            self.results = {name: value * np.nan for name, value in self.results.items()}


def test_a_potential_that_gives_no_numbers_is_not_stable(copper: Any) -> None:
    copper.cell()
    exploding = Material("Cu", Exploding(10**6))
    exploding.cell()
    exploding.potential.left = 20  # type: ignore[attr-defined]
    measured = stability(exploding, StabilityEvaluation(temperatures_K=(300,), **{**SHORT, "walkers": 1}))
    failures = [one["failure"] for one in measured.details["walks"]]
    assert len(failures) == 2
    assert all("a force of nan" in failure for failure in failures)
    json.dumps(measured.as_dict(), allow_nan=False)


def test_a_single_atom_has_no_dynamics() -> None:
    found = stability(Material("Cu", EMT(), "sc"), StabilityEvaluation(supercell=1)).properties
    assert {one.value for one in found.values()} == {None}
    assert all("enlarge supercell" in one.remark for one in found.values())


def test_without_a_crystal_no_walker_starts(without_minimum: Any) -> None:
    found = stability(without_minimum, StabilityEvaluation(**SHORT)).properties
    assert {one.value for one in found.values()} == {None}
    assert all("no least energy" in one.remark for one in found.values())
