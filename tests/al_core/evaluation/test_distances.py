"""Distances of distributions."""

from typing import Any

import numpy as np
import pytest

from al_core.evaluation.distances import distances


def _details(shift: float = 0.0, case: str = "300 K", bins: int = 200) -> dict[str, Any]:
    """Return Gaussians in the middle of each variable's range, moved by part of the range."""

    def bell(x: np.ndarray) -> list[float]:
        center = (0.4 + shift) * x[-1]
        return [float(value) for value in np.exp(-0.5 * ((x - center) / (0.05 * x[-1])) ** 2)]

    r, degree, frequency = (np.linspace(0, end, bins) for end in (6.0, 180.0, 50.0))
    return {
        case: {
            "rdf": {"r_A": r.tolist(), "g": bell(r)},
            "angles": {"degree": degree.tolist(), "density": bell(degree)},
            "msd": {"time_ps": [0.0], "msd_A2": [0.0]},
            "vdos": {"frequency_THz": frequency.tolist(), "density": bell(frequency)},
        }
    }


def test_a_shifted_distribution_is_as_far_as_its_shift() -> None:
    found = distances(_details(0.1), _details(bins=333))
    assert {name: one.unit for name, one in found.items()} == {
        "rdf_300K_wasserstein_A": "Å",
        "angles_300K_wasserstein_degree": "°",
        "vdos_300K_wasserstein_THz": "THz",
    }
    assert [one.value for one in found.values()] == pytest.approx([0.6, 18.0, 5.0], rel=0.01)


def test_equal_distributions_have_no_distance() -> None:
    assert [one.value for one in distances(_details(), _details()).values()] == [0, 0, 0]


def test_an_empty_distribution_has_no_distance() -> None:
    empty = _details()
    empty["300 K"]["angles"]["density"] = [0.0] * 200
    found = distances(_details(), empty)["angles_300K_wasserstein_degree"]
    assert found.value is None
    assert "one of the two is empty" in found.remark


def test_only_cases_that_both_have_are_compared() -> None:
    ours = _details(case="melt") | _details()
    assert distances(ours, _details(case="600 K")) == {}
    assert set(distances(ours, _details(case="melt"))) == {
        "rdf_melt_wasserstein_A",
        "angles_melt_wasserstein_degree",
        "vdos_melt_wasserstein_THz",
    }
