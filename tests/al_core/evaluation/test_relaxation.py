"""Relaxations along a model's way: where they end, and what they cost."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones

from al_core.evaluation.measured import NoPropertyError
from al_core.evaluation.relaxation import relaxed
from calculators.classical.stillinger_weber import stillinger_weber


class Counted(Calculator):
    """Stillinger-Weber silicon that counts the structures it is asked for."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's way)

    def __init__(self) -> None:
        super().__init__()
        self.asked, self._potential = 0, stillinger_weber("Si")

    def calculate(self, atoms: Atoms | None = None, *arguments: Any) -> None:
        super().calculate(atoms, *arguments)
        self.asked += 1
        energy, forces = self._potential.get_potential_energy(atoms), self._potential.get_forces(atoms)
        self.results = {"energy": energy, "forces": forces}


@pytest.fixture
def vacancy(silicon: Any) -> Atoms:
    """A vacancy whose neighbours start inwards, towards the deeper of two minima."""
    atoms: Atoms = silicon.cell(2)
    toward = atoms.get_distances(0, range(len(atoms)), mic=True, vector=True)
    near = np.linalg.norm(toward, axis=1) < 1.1 * silicon.bond
    atoms.positions[near] -= 0.15 * toward[near]
    del atoms[0]
    atoms.rattle(0.02, seed=0)
    return atoms


def _relaxed(atoms: Atoms, guide: Calculator | None) -> tuple[Atoms, int]:
    potential = Counted()
    found = relaxed(atoms, potential, guide)
    assert np.linalg.norm(found.get_forces(), axis=1).max() <= 0.01
    return found, potential.asked


def test_a_guide_shows_the_way_and_not_the_end(vacancy: Atoms) -> None:
    alone, steps = _relaxed(vacancy, None)
    found, guided = _relaxed(vacancy, stillinger_weber("Si", three_body=0.9))
    assert guided <= steps / 4
    assert found.get_potential_energy() == pytest.approx(alone.get_potential_energy(), abs=1e-3)


def test_a_guide_that_leads_astray_is_left(vacancy: Atoms) -> None:
    alone, steps = _relaxed(vacancy, None)
    for guide in (LennardJones(sigma=3.0, epsilon=0.1, rc=6.0), stillinger_weber("Si", three_body=0.6)):
        found, guided = _relaxed(vacancy, guide)
        assert guided <= steps + 3
        assert found.get_potential_energy() == pytest.approx(alone.get_potential_energy(), abs=1e-2)


def test_a_guide_mends_no_relaxation_that_explodes(silicon: Any) -> None:
    atoms = silicon.cell(2)
    atoms.positions[1] = atoms.positions[0] + (0.7, 0, 0)
    with pytest.raises(NoPropertyError, match="the relaxation is lost: a force of"):
        relaxed(atoms, silicon.potential, stillinger_weber("Si", three_body=0.9))
