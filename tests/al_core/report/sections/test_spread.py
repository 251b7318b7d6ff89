"""Committee spread against error."""

import json
import re

import pytest

from al_core.report.overview import overview
from al_core.report.sections.spread import spread_by_slice
from tests.al_core.report.studies import BUDGETS, SLICES, study, with_deviations


def test_a_point_is_a_slice_a_seed_and_a_budget():
    section = spread_by_slice(overview(with_deviations(study())))
    data = json.loads(re.search(r'-data">(.*?)</script>', section.html)[1])["data"]
    dots = [one for one in data if one["mode"] == "markers"]
    assert [len(one["x"]) for one in dots] == [3 * len(BUDGETS) * (len(SLICES) - 1)] * 9
    assert all(x == pytest.approx(y / 2) for one in dots for x, y in zip(one["x"], one["y"], strict=True))
    line = next(one for one in data if one["name"] == "as the spread says")
    # the deviation adds up three components: of normal errors alike in all directions, MAE / deviation = 0.4607
    assert line["y"][0] / line["x"][0] == pytest.approx(0.4607, abs=1e-4)


def test_there_is_none_without_deviations():
    assert spread_by_slice(overview(study())) is None
