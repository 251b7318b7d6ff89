"""Committee spread against error."""

import base64

import numpy as np
import pytest

from al_core.report.overview import overview
from al_core.report.sections.spread import spread_section
from tests.al_core.report.studies import BUDGETS, SLICES, cell, drawn, study, with_deviations, with_predictions


def decoded(numbers):
    """The values of a trace, which plotly writes in base64."""
    return np.frombuffer(base64.b64decode(numbers["bdata"]), numbers["dtype"])


def test_with_predictions_a_point_is_a_structure():
    cells = [cell("scratch"), cell("rescaled", error=0.01)]
    section = spread_section(with_predictions(overview(with_deviations(study())), cells))
    (figure,) = drawn(section)
    texts = [one["text"] for one in figure["layout"]["annotations"]]
    # the spread is half of the components' error, so that slices differ as their errors do; within one it only grows
    assert texts[:2] == ["scratch", "rescaled"]
    assert all(text.startswith("ρ = 0.") for text in texts[2:])
    assert "A point a test structure" in section.html
    assert "8 labels (shared label sets, random), 1 seed." in section.html


def test_a_spread_that_is_the_same_everywhere_has_no_correlation():
    section = spread_section(with_predictions(overview(study()), [cell("scratch", structures=1)]))
    assert drawn(section)[0]["layout"]["annotations"][1]["text"] == "ρ = –"


def test_without_predictions_a_point_is_a_slice_a_seed_and_a_budget():
    section = spread_section(overview(with_deviations(study())))
    (figure,) = drawn(section)
    dots = [one for one in figure["data"] if one["mode"] == "markers"]
    assert len(dots) == 3 * (len(SLICES) - 1)
    for one in dots:
        x, y = decoded(one["x"]), decoded(one["y"])
        assert len(x) == 3 * len(BUDGETS)
        np.testing.assert_allclose(x, y / 2, rtol=1e-6)
    line = next(one for one in figure["data"] if one["mode"] == "lines")
    # the deviation adds up three components: of normal errors alike in all directions, MAE / deviation = 0.4607
    assert line["y"][0] / line["x"][0] == pytest.approx(0.4607, abs=1e-4)
    assert "one point for each test slice" in section.html


def test_there_is_none_without_deviations():
    assert spread_section(overview(study())) is None
