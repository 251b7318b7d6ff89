"""The potential of fewer triplet data is matscipy's, to the last bit."""

import numpy as np
import pytest
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
    atoms = bulk("Si", cubic=True)
    found = TwoSidedNeighbourhood(cutoff=4.5).get_triplets(atoms, "ijk")
    assert len(found) == 3
    assert (found[2] >= 0).all()
