"""The oracle takes what is worst in truth, whatever the committee says."""

import numpy as np

from al_core.acquisition import select
from al_core.acquisition.candidates import Candidates
from al_core.config.acquisition import ErrorOracleAcquisition


def test_the_largest_error_comes_first_and_of_equals_the_earlier() -> None:
    errors = np.array([0.1, 0.4, 0.0, 0.4, 0.2])
    candidates = Candidates(5, errors=errors)
    for k in range(6):
        chosen = select(candidates, k, np.random.default_rng(k), ErrorOracleAcquisition())
        assert chosen == [1, 3, 4, 0, 2][:k]
