"""Structure and dynamics against the reference."""

import json
import re
from dataclasses import replace

from al_core.report.overview import overview
from al_core.report.sections.structure import structure_section
from tests.al_core.report.studies import dynamics, study, with_properties


def figure_of(results):
    """What the first figure is drawn from."""
    return json.loads(re.search(r'-data">(.*?)</script>', structure_section(overview(results)).html)[1])


def test_every_temperature_is_a_row_and_every_curve_a_column():
    figure = figure_of(with_properties(study(seeds=(0,))))
    assert len({(trace["xaxis"], trace["yaxis"]) for trace in figure["data"]}) == 2 * 4
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["scratch", "transfer", "rescaled", "reference"] * 8
    titles = [figure["layout"][f"yaxis{number}"]["title"]["text"] for number in ("", 5)]
    assert titles == ["300 K", "melt"]
    reference = figure["data"][3]
    assert (reference["x"], reference["y"]) == tuple(dynamics()["300 K"]["rdf"].values())


def test_a_model_whose_melt_is_lost_has_its_crystal():
    results = with_properties(study(seeds=(0,)))
    rows = [
        replace(row, details={case: one for case, one in row.details.items() if case != "melt"})
        if (row.arm, row.evaluation) == ("scratch", "structure")
        else row
        for row in results.properties
    ]
    names = [trace["name"] for trace in figure_of(replace(results, properties=tuple(rows)))["data"]]
    assert names.count("scratch") == 4
    assert names.count("rescaled") == 8


def test_there_is_none_without_dynamics():
    assert structure_section(overview(study())) is None
