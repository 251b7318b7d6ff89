"""Phonon dispersion against the reference."""

import json
import re
from dataclasses import replace

import pytest

from al_core.report.overview import overview
from al_core.report.sections.phonons import phonons_section
from tests.al_core.report.studies import bands, study, with_properties


def traces(results):
    """The traces of the first figure."""
    section = phonons_section(overview(results))
    return json.loads(re.search(r'-data">(.*?)</script>', section.html)[1])["data"]


def test_every_arm_has_a_panel_with_the_reference():
    found = traces(with_properties(study(seeds=(0,))))
    dispersions = [one for one in found if one["x"].count(None) == 6]
    names = [(one["name"], one["xaxis"]) for one in dispersions]
    arms = ["scratch", "transfer", "rescaled"]
    assert names == [*zip(arms, ["x", "x2", "x3"], strict=True), *(("reference", axis) for axis in ("x", "x2", "x3"))]
    densities = [one["name"] for one in found if one["xaxis"] == "x4"]
    assert densities == [*arms, "reference"]


def test_wave_vectors_are_those_of_the_reference_s_path():
    """A model with another lattice constant has another length of the path; X lies where the reference has it."""
    found = traces(with_properties(study(seeds=(0,))))
    ends = {one["name"]: [value for value in one["x"] if value is not None][-1] for one in found[:1]}
    assert ends["scratch"] == pytest.approx(bands()["dispersion"]["ticks"][-1])
    highest = max(value for value in found[0]["y"] if value is not None)
    assert highest > 8.7, "frequencies are the model's own"


def test_without_a_reference_the_models_are_drawn_alone():
    found = traces(replace(with_properties(study(seeds=(0,))), references={}))
    assert {one["name"] for one in found} == {"scratch", "transfer", "rescaled"}
    assert phonons_section(overview(study())) is None
