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


@pytest.fixture
def salt() -> Material:
    """Rocksalt held together by bonds of 1 eV between neighbours, 2.7 Å long, and by nothing else."""
    sigma, cutoff = 2.7 / 2 ** (1 / 6), 3.3
    at_cutoff = (sigma / cutoff) ** 12 - (sigma / cutoff) ** 6  # ASE's energies are zero there
    epsilon = 0.25 / (0.25 + at_cutoff)
    return Material("NaCl", LennardJones(sigma=sigma, epsilon=epsilon, rc=cutoff), "rocksalt")
