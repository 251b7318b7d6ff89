"""The potential of fewer triplet data is matscipy's, to the last bit."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber

from calculators.classical.stillinger_weber import PARAMETERS, stillinger_weber
from calculators.classical.triplets import TwoSidedNeighbourhood


@pytest.mark.parametrize("displacement", [0.05, 0.5])
@pytest.mark.parametrize("element", ["Si", "Ge"])
def test_energy_forces_and_stress_are_matscipys(element, displacement):
    ours = bulk(element, cubic=True)
    ours.rattle(displacement, seed=1)
    theirs = ours.copy()
    ours.calc, theirs.calc = stillinger_weber(element), Manybody(**StillingerWeber(PARAMETERS[element]))
    assert ours.get_potential_energy() == theirs.get_potential_energy()
    assert np.array_equal(ours.get_forces(), theirs.get_forces())
    assert np.array_equal(ours.get_stress(), theirs.get_stress())


def test_the_third_side_is_there_where_it_is_asked_for():
    triangle = Atoms("Si3", [[0, 0, 0], [2.3, 0, 0], [1.15, 2, 0]], cell=[20, 20, 20])
    ij, ik, jk = TwoSidedNeighbourhood(cutoff=3.0).get_triplets(triangle, "ijk")
    assert len(ij) == len(ik) == len(jk) == 6
