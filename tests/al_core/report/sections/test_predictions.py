"""Parity plots, committee spread and the map in the report of a study's folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.evaluation.errors import mean_predictions
from al_core.models.prediction import Predictions
from al_core.report.overview import overview
from al_core.report.render import render_report
from al_core.report.sections.predictions import map_section, parity_section, spread_section, temperature_section
from al_core.storage.files import write_arrays, write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import write_structures
from al_core.studies.results import StudyResults
from al_core.studies.workspace import Workspace
from tests.al_core.report.browser import Browser, found_browser
from tests.al_core.report.studies import Page, study, with_deviations


@pytest.fixture
def folder(tmp_path: Path, ge_labelled: Any, crystals: Any) -> Path:
    """A study's folder with a test set, a pool, their map, and predictions ``good`` and ``bad``."""
    workspace = Workspace(tmp_path)
    write_labelled(workspace.test, ge_labelled)
    test = read_structures(workspace.test)
    for name, off in (("good", 0.02), ("bad", 0.3)):
        predictions = Predictions(
            np.array([[label.energy - 0.8, label.energy + 0.8 * off] for _, label in ge_labelled]),
            [np.array([label.forces, label.forces + 2 * off]) for _, label in ge_labelled],
            np.full((5, 2, 6), np.nan),
        )
        write_arrays(workspace.evaluation_arrays(name), mean_predictions(predictions, test))
    write_structures(workspace.pool, crystals("Ge", 4, seed=1))
    points = [
        [[structure_id(atoms), atoms.info["config_type"], float(number), y] for number, atoms in enumerate(some)]
        for y, some in ((1.0, read_structures(workspace.pool)), (2.0, test))
    ]
    write_json(workspace.pool_map, {"inputs": "k", "explained": [0.7, 0.2], "pool": points[0], "test": points[1]})
    return tmp_path


@pytest.fixture
def results() -> StudyResults:
    made = with_deviations(study())
    kept = {"rescaled": "good", "scratch": "bad"}
    return replace(made, rows=tuple(replace(row, evaluation=kept.get(row.arm, "")) for row in made.rows))


def test_the_sections_are_there_where_predictions_were_kept(folder: Path, results: StudyResults) -> None:
    page = Page(render_report(results, folder))
    assert list(page.titles)[-6:] == ["parity", "map", "spread", "ledger", "provenance", "reproduce"]
    assert "Parity of forces" in page.section("parity")
    assert "Parity of energies" in page.section("parity")
    assert "Spearman" in page.section("spread")
    assert "the pool, 4 structures" in page.section("map")


def test_without_them_the_spread_is_by_slice_and_the_rest_left_out(results: StudyResults) -> None:
    view = overview(results)
    assert parity_section(view) is map_section(view) is temperature_section(view) is None
    section = spread_section(view)
    assert section is not None
    assert "one point for each test slice" in section.html


@pytest.mark.browser
def test_a_click_on_the_report_shows_a_structure(folder: Path, results: StudyResults, tmp_path: Path) -> None:
    program = found_browser()
    if program is None:
        pytest.skip("no chromium here")
    path = tmp_path / "report.html"
    path.write_text(render_report(results, folder), encoding="utf-8")
    browser = Browser(program, tmp_path / "profile")
    try:
        browser.open(path)
        shown = "document.querySelector('#pool-map canvas').dataset.shown"
        browser.wait(f"{shown} === '0'")
        at = """(() => {
          const plot = document.getElementById("pool-map-figure");
          plot.scrollIntoView({ block: "center", behavior: "instant" });
          const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
          return [box.x + xaxis._offset + xaxis.c2p(2), box.y + yaxis._offset + yaxis.c2p(2)];
        })()"""
        browser.click(*browser.value(at))
        browser.wait(f"{shown} !== '0'")
        told = browser.value("document.querySelector('.pool-map-told').textContent")
        ids = [structure_id(atoms) for atoms in read_structures(Workspace(folder).test)]
        assert ids[2] in told
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        browser.wait("document.querySelector('#pool-map-figure .legendtext').style.fill === 'rgb(228, 228, 223)'")
        assert browser.value("document.getElementById('pool-map-figure').data.at(-1).x[0]") == 2
        assert browser.complaints == []
    finally:
        browser.close()
