"""Predicted against labelled forces and energies."""

import html

from al_core.report.overview import overview
from al_core.report.sections.parity import parity_section
from tests.al_core.report.studies import cell, drawn, study, with_predictions


def scores(figure: dict) -> list[str]:
    """Return what is written in the panels' corners."""
    return [one["text"] for one in figure["layout"]["annotations"] if "domain" in one["xref"]]


def test_the_scores_are_means_over_slices_and_seeds() -> None:
    cells = [cell("scratch", 0), cell("scratch", 1, error=0.2), cell("rescaled", error=0.01)]
    section = parity_section(with_predictions(overview(study()), cells))
    assert section is not None
    forces, energies = drawn(section)
    assert scores(forces) == ["MAE 300 meV/Å", "MAE 20.0 meV/Å"]
    assert scores(energies) == ["MAE 30.0 meV/atom", "MAE 2.00 meV/atom"]
    text = html.unescape(section.html)
    assert "Committees trained on 8 labels (shared label sets, random), 2 seeds." in text
    assert "relative to the mean of the labels, −3.75 eV/atom" in text
    assert "scratch: MAE 300 meV/Å; rescaled: MAE 20.0 meV/Å" in text, "for those who do not see it"


def test_without_predictions_there_is_no_section() -> None:
    assert parity_section(overview(study())) is None
