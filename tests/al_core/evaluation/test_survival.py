"""Survival of walkers."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from al_core.evaluation.survival import stable_up_to, survival


def _walks(*times: float, failed: int = 0, temperature_K: float = 300.0) -> list[dict[str, Any]]:
    """Return walks of these times; the first ``failed`` end with a failure."""
    return [
        {"ensemble": "nvt", "temperature_K": temperature_K, "time_ps": time, "failure": "a force" if n < failed else ""}
        for n, time in enumerate(times)
    ]


def test_the_share_is_the_product_of_those_who_survive_each_failure() -> None:
    """Kaplan and Meier by hand: 4/5 after 1 ps, of the three left after the one that was looked at for 2 ps 2/3."""
    found = survival(_walks(1.0, 3.0, failed=2) + _walks(2.0, 4.0, 4.0))
    np.testing.assert_allclose(found.time_ps, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(found.share, [1, 0.8, 0.8, 0.8 * 2 / 3, 0.8 * 2 / 3])


def test_the_interval_is_greenwoods_of_the_log_of_the_log() -> None:
    found = survival(_walks(1.0, failed=1) + _walks(*[2.0] * 9))
    variance = 1 / (10 * 9) / np.log(0.9) ** 2
    ends = [np.exp(-np.exp(np.log(-np.log(0.9)) + sign * 1.959964 * variance**0.5)) for sign in (1, -1)]
    assert (found.low[1], found.high[1]) == pytest.approx(ends)


@pytest.mark.parametrize("failed", [0, 7])
def test_where_all_or_none_are_stable_the_interval_is_wilsons(failed: int) -> None:
    found = survival(_walks(*[2.0] * 7, failed=failed))
    wilson = binomtest(7 - failed, 7).proportion_ci(method="wilson")
    assert (found.share[-1], found.low[-1], found.high[-1]) == (1 - failed / 7, wilson.low, wilson.high)
    assert 0 < found.low[0] < found.share[0] == 1


def test_the_interval_holds_the_share_at_all_times() -> None:
    random = np.random.default_rng(0)
    found = survival(_walks(*random.uniform(0.1, 2, 12), failed=12) + _walks(*random.uniform(0.1, 2, 12)))
    assert (np.diff(found.share) <= 0).all()
    assert ((found.low <= found.share) & (found.share <= found.high)).all()
    assert ((found.low >= 0) & (found.high <= 1)).all()


def test_a_temperature_counts_only_if_all_below_it_are_stable() -> None:
    stable = [one for T in (300.0, 600.0, 1200.0) for one in _walks(1.0, 1.0, temperature_K=T)]
    assert stable_up_to(stable) == 1200
    assert stable_up_to(stable + _walks(0.5, 1.0, failed=1, temperature_K=900.0)) == 600
    assert stable_up_to(stable + _walks(0.5, failed=1, temperature_K=600.0)) == 300
    assert stable_up_to(stable + _walks(0.5, failed=1, temperature_K=200.0)) is None
    assert stable_up_to([]) is None
