"""Where the transfer did harm, in words: by forces, energies and stresses."""

from dataclasses import replace

from al_core.report.overview import overview
from al_core.report.sections.transfer import transfer_section
from tests.al_core.report.studies import ENERGY, STRESS, study


def test_the_other_errors_are_counted_too():
    results = study(noise=0.0, levels={"scratch": 1.0, "rescaled": 0.5})
    worse = [
        replace(row, metrics={name: {**one, ENERGY: one[ENERGY] * 3, STRESS: 0.1} for name, one in row.metrics.items()})
        if (row.arm, row.budget, row.acquisition) == ("rescaled", 8, "random")
        else row
        for row in results.rows
    ]
    html = transfer_section(overview(replace(results, rows=worse))).html
    assert "No negative transfer: in none of the 8" in html
    assert "By energy MAE it is in 1 of 8." in html, "no scratch has a stress"
    without = transfer_section(overview(results)).html
    assert "By energy MAE it is in none of 8." in without
