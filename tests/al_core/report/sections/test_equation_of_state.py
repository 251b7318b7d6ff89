"""Equation of state against the reference."""

import json
import re
from dataclasses import replace

import pytest

from al_core.report.overview import overview
from al_core.report.sections.equation_of_state import equation_of_state_section
from tests.al_core.report.studies import study, with_properties


def traces(results):
    """The traces of the first figure."""
    section = equation_of_state_section(overview(results))
    return json.loads(re.search(r'-data">(.*?)</script>', section.html)[1])["data"]


def test_every_arm_has_a_panel_with_the_reference():
    found = [(one["name"], one["xaxis"]) for one in traces(with_properties(study(seeds=(0,))))]
    arms, axes = ("scratch", "transfer", "rescaled"), ("x", "x2", "x3")
    assert found == [pair for arm, axis in zip(arms, axes, strict=True) for pair in ((arm, axis), ("reference", axis))]


def test_energies_are_above_the_least_of_each():
    reference = next(one for one in traces(with_properties(study(seeds=(0,)))) if one["name"] == "reference")
    assert min(reference["y"]) == 0
    assert reference["y"][0] == pytest.approx(1e3 * 0.02 * (0.06 * 24) ** 2)
    assert reference["x"][3] == pytest.approx(24)


def test_without_a_reference_the_models_are_drawn_alone():
    found = traces(replace(with_properties(study(seeds=(0,))), references={}))
    assert {one["name"] for one in found} == {"scratch", "transfer", "rescaled"}
    assert equation_of_state_section(overview(study())) is None
