"""Materials with potentials whose properties are published."""

from typing import Any

import pytest
from ase.calculators.lj import LennardJones

from al_core.evaluation.material import Material
from calculators.classical.stillinger_weber import stillinger_weber


@pytest.fixture(scope="session")
def silicon() -> Material:
    """Stillinger and Weber's silicon."""
    return Material("Si", stillinger_weber("Si"))


@pytest.fixture
def without_minimum() -> Any:
    """A material of atoms that only repel each other."""
    return Material("Ar", LennardJones(sigma=8.0, epsilon=0.01, rc=9.0), "fcc")
