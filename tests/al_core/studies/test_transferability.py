"""Errors by what was trained on and what was tested on."""

import numpy as np

from al_core.studies.results import Row
from al_core.studies.transferability import acquisition_slices, transfer_matrix

SLICES = {"cold": ("300K",), "hot": ("900K", "1500K"), "any": ()}
FORCE = "force_mae_meV_per_A"


def row(acquisition: str, seed: int, cold: float, hot: float, arm: str = "transfer", budget: int = 4) -> Row:
    """A cell with these errors at 300 K and at 900 K."""
    metrics = {"all": {FORCE: (cold + hot) / 2}, "300K": {FORCE: cold}, "900K": {FORCE: hot}}
    return Row("shared", arm, acquisition, seed, budget, "m", metrics, (), (), 1.0)


ROWS = [
    *(row("cold", seed, 10 + seed, 40 + seed) for seed in (0, 1, 2)),
    *(row("hot", seed, 20 + seed, 30 + seed) for seed in (0, 2)),
    *(row("any", seed, 15.0, 35.0) for seed in (0, 1, 2)),
    row("cold", 0, 1.0, 1.0, arm="scratch"),
    row("cold", 0, 1.0, 1.0, budget=2),
]


def test_the_matrix_has_means_over_seeds_that_all_acquisitions_have() -> None:
    found = transfer_matrix(ROWS, SLICES, "shared", "transfer", 4)
    assert found is not None
    assert found.seeds == (0, 2)
    assert found.trained_on == ("300K", "900K, 1500K", "all slices")
    assert found.trained_slices == (("300K",), ("900K", "1500K"), ())
    assert found.tested_on == ("300K", "900K")
    np.testing.assert_allclose(found.errors, [[11, 41], [21, 31], [15, 35]])


def test_without_a_common_seed_there_is_no_matrix() -> None:
    assert transfer_matrix(ROWS, SLICES, "shared", "scratch", 4) is None
    assert transfer_matrix(ROWS, SLICES, "own", "transfer", 4) is None
    assert transfer_matrix(ROWS, {}, "shared", "transfer", 4) is None
    assert transfer_matrix([], SLICES, "shared", "transfer", 4) is None


def test_acquisitions_of_the_same_slices_are_told_apart() -> None:
    slices = {"cold": ("300K",), "any": ("300K",)}
    found = transfer_matrix(ROWS, slices, "shared", "transfer", 4)
    assert found is not None
    assert found.trained_on == ("300K (cold)", "300K (any)")


def test_the_slices_are_those_of_the_config() -> None:
    cold = {"kind": "random", "name": "cold", "slices": ["300K"]}
    assert acquisition_slices({"acquisitions": [{"kind": "random"}, cold]}) == {"random": (), "cold": ("300K",)}
    assert acquisition_slices({"acquisitions": [{"kind": "random"}]}) == {}
    assert acquisition_slices({}) == {}
