"""Survival curves."""

import json
import re

from al_core.report.overview import overview
from al_core.report.sections.survival import survival_section
from tests.al_core.report.studies import study, walks, with_properties


def figure_of(section):
    """What the first figure of a section is drawn from."""
    return json.loads(re.search(r'-data">(.*?)</script>', section.html)[1])


def test_each_temperature_is_a_panel_and_each_arm_a_curve_with_its_interval():
    section = survival_section(overview(with_properties(study())))
    figure = figure_of(section)
    titles = [one["text"] for one in figure["layout"]["annotations"]]
    assert titles == ["300 K", "900 K", "1200 K"]
    lines = [trace for trace in figure["data"] if trace["mode"] == "lines+markers"]
    assert [trace["name"] for trace in lines] == ["scratch", "transfer", "rescaled"] * 3
    assert [trace["name"] for trace in lines if trace["showlegend"]] == ["scratch", "transfer", "rescaled"]
    low, high = figure["data"][1]["y"], figure["data"][0]["y"]
    assert all(a <= b <= c for a, b, c in zip(low, lines[0]["y"], high, strict=True))


def test_the_curve_falls_where_walkers_fail():
    section = survival_section(overview(with_properties(study(seeds=(0,)), budgets=(8,))))
    scratch = next(trace for trace in figure_of(section)["data"] if trace["mode"] == "lines+markers")
    failed = sorted(
        walk["time_ps"] for walk in walks("scratch", 0)["walks"] if walk["failure"] and walk["temperature_K"] == 300
    )
    assert scratch["x"][1 : 1 + len(failed)] == failed
    assert scratch["y"][0] == 100
    assert round(scratch["y"][-1], 6) == round(100 * 2 / 6, 6), "two of six walkers are stable to the end"
    assert re.search(r"scratch</th><td>33\s%", section.html)


def test_there_is_none_without_walks():
    assert survival_section(overview(study())) is None
