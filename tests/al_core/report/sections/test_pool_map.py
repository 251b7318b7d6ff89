"""The map of pool and test set on a page, and the structures it shows."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.report import viewer
from al_core.report.figures import plotly_script
from al_core.report.overview import Overview, overview
from al_core.report.page import Section, page_html
from al_core.report.sections.pool_map import pool_map_section
from al_core.storage.files import write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.data import write_structures
from al_core.studies.predictions import CellPredictions, Predicted
from al_core.studies.results import Row, StudyResults
from al_core.studies.workspace import Workspace
from tests.al_core.report.browser import Browser, found_browser
from tests.al_core.report.studies import with_predictions

POOL, TEST = 5, 3
CONFIG = {"arms": [{"kind": "scratch"}, {"kind": "rescaled"}]}
METRICS = {"all": {"force_mae_meV_per_A": 1.0}}


@pytest.fixture
def study(tmp_path: Path, crystals: Any, sw_label: Any) -> Path:
    """The folder of a study with a map of five and three structures on a diagonal."""
    workspace = Workspace(tmp_path)
    pool, test = crystals("Ge", POOL, seed=1), crystals("Ge", TEST, seed=2)
    pool[0].info["config_type"] = "a</script><b>"
    write_structures(workspace.pool, pool)
    write_labelled(workspace.test, [(atoms, sw_label(atoms)) for atoms in test])
    points = [
        [[structure_id(atoms), atoms.info["config_type"], float(number), float(number)] for number, atoms in some]
        for some in (
            enumerate(read_structures(workspace.pool)),
            enumerate(read_structures(workspace.test), start=POOL),
        )
    ]
    write_json(workspace.pool_map, {"inputs": "k", "explained": [0.7, 0.2], "pool": points[0], "test": points[1]})
    return tmp_path


def rows(study: Path) -> list[Row]:
    """Two acquisitions: random selects the first structure and then the second, the other the third."""
    names = [structure_id(atoms) for atoms in read_structures(Workspace(study).pool)]
    chosen = {("random", 1): names[:1], ("random", 2): names[:2], ("uncertainty", 1): names[2:3]}
    return [
        Row(
            "shared",
            "rescaled",
            acquisition,
            0,
            budget,
            "m",
            {"all": {"force_mae_meV_per_A": 1.0}},
            (),
            tuple(f"L{name}-t" for name in some),
            1.0,
        )
        for (acquisition, budget), some in chosen.items()
    ]


def cells(study: Path) -> list[CellPredictions]:
    """Force errors of 0.1, 0.2 and 0.3 eV/Å with one seed, twice as much with another; another arm knows no error."""
    ids = [structure_id(atoms) for atoms in read_structures(Workspace(study).test)]

    def cell(arm: str, seed: int, error: float) -> CellPredictions:
        zero = np.zeros((8, 3))
        some = (
            Predicted(name, "group0", 0.0, 0.0, zero, zero + error * (1 + number), zero[:, 0])
            for number, name in enumerate(ids)
        )
        return CellPredictions(arm, seed, 4, tuple(some))

    return [cell("rescaled", 0, 0.1), cell("rescaled", 1, 0.2), cell("scratch", 0, 0.0)]


def view_of(study: Path, *, finished: bool = True) -> Overview:
    """The overview of the study, with or without finished cells."""
    found = rows(study) if finished else []
    view = overview(
        StudyResults("t", {"arms": [{"kind": "scratch"}, {"kind": "rescaled"}]}, {}, tuple(found), 3), study
    )
    return with_predictions(view, cells(study) if finished else [])


@pytest.fixture
def section(study: Path) -> Section:
    found = pool_map_section(view_of(study))
    assert found is not None
    return found


def embedded(section: Section) -> Any:
    """Return the structures and their look, as the page has them."""
    (text,) = re.findall(r'id="pool-map-structures">(.*?)</script>', section.html, flags=re.DOTALL)
    return json.loads(text)


def test_a_study_without_a_map_or_with_one_of_other_structures_has_no_section(study: Path) -> None:
    assert pool_map_section(view_of(study, finished=False)) is not None
    assert pool_map_section(overview(StudyResults("t", {}, {}, tuple(rows(study)), 3))) is None
    Workspace(study).pool.unlink()
    assert pool_map_section(view_of(study, finished=False)) is None
    Workspace(study).pool_map.unlink()
    assert pool_map_section(view_of(study, finished=False)) is None


def test_every_structure_can_be_chosen_and_has_its_atoms(study: Path, section: Section) -> None:
    data = embedded(section)
    assert len(data["structures"]) == POOL + TEST
    assert section.html.count("<option") == POOL + TEST + 2
    assert "hold 90\N{NO-BREAK SPACE}% of their variance" in section.html
    assert "the pool, 5 structures" in section.html
    for entry, atoms in zip(data["structures"], read_structures(Workspace(study).pool), strict=False):
        cell = np.array(entry["cell"]).reshape(3, 3) / 100
        np.testing.assert_allclose(cell, atoms.cell.array, atol=0.006)
        apart = np.array(entry["atoms"]).reshape(-1, 3) / 100 - atoms.positions
        within = apart @ np.linalg.inv(cell)
        np.testing.assert_allclose(within, within.round(), atol=0.01, err_msg="moved by whole cells")


def test_what_is_told_of_structures_is_when_they_were_selected_and_how_wrong_the_leader_is(
    study: Path, section: Section
) -> None:
    told = [entry["told"] for entry in embedded(section)["structures"]]
    assert told[0].endswith("selected by random with 1 label")
    assert told[1].endswith("selected by random with 2 labels")
    assert told[2].endswith("selected by uncertainty with 1 label")
    assert told[3].endswith("not selected")
    assert [one.rpartition(": ")[2] for one in told[POOL:]] == [
        "force MAE of rescaled 150 meV/Å",
        "force MAE of rescaled 300 meV/Å",
        "force MAE of rescaled 450 meV/Å",
    ]
    assert "coloured by the force MAE of rescaled with 4 labels, mean over 2 seeds" in section.html
    plain = pool_map_section(view_of(study, finished=False))
    assert plain is not None
    assert "coloured" not in plain.html
    assert "Rings" not in plain.html
    assert embedded(plain)["structures"][POOL]["told"].startswith("test, group0, ")


def test_names_of_slices_cannot_end_a_script(section: Section) -> None:
    assert "a</script>" not in section.html
    assert embedded(section)["structures"][0]["told"].startswith("pool, a</script><b>, ")


def test_where_there_are_too_many_atoms_those_of_the_rest_of_the_pool_are_left_out(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer, "_MOST_ATOMS", 8 * (TEST + 4))
    section = pool_map_section(view_of(study))
    assert section is not None
    structures = embedded(section)["structures"]
    assert [number for number, entry in enumerate(structures) if "atoms" not in entry] == [POOL - 1]


PLOT = "document.getElementById('pool-map-figure')"
CANVAS = "document.querySelector('#pool-map canvas')"
MARK = f"{PLOT}.data.at(-1).x[0]"
SHOWN = f"Number({CANVAS}.dataset.shown)"
TOLD = "document.querySelector('.pool-map-told').textContent"
PIXELS = f"{CANVAS}.getContext('2d').getImageData(0, 0, {CANVAS}.width, {CANVAS}.height).data"
INK = f"{PIXELS}.filter((value, index) => index % 4 === 3 && value).length"
NAMES = f"{PLOT}.data.filter(trace => trace.visible !== false).map(trace => trace.name).filter(Boolean)"
AT = f"""(() => {{
  {PLOT}.scrollIntoView({{ block: "center", behavior: "instant" }});
  const box = {PLOT}.getBoundingClientRect(), {{ xaxis, yaxis }} = {PLOT}._fullLayout;
  return [box.x + xaxis._offset + xaxis.c2p(NUMBER), box.y + yaxis._offset + yaxis.c2p(NUMBER)];
}})()"""


@pytest.fixture
def browser(section: Section, tmp_path: Path) -> Any:
    """A browser that shows the section."""
    program = found_browser()
    if program is None:
        pytest.skip("no chromium here")
    path = tmp_path / "map.html"
    path.write_text(page_html("map", "", [section], plotly_script()), encoding="utf-8")
    one = Browser(program, tmp_path / "profile")
    one.open(path)
    yield one
    one.close()


def choose(browser: Browser, name: str, value: int) -> None:
    """Choose an entry of a list."""
    browser.value(
        f"(() => {{ const list = document.querySelector('select[data-choice={name}]');"
        f"list.value = {value}; list.dispatchEvent(new Event('change')); }})()"
    )


@pytest.mark.browser
def test_a_click_the_list_and_keys_draw_a_structure(browser: Browser) -> None:
    assert [browser.value(SHOWN), browser.value(MARK)] == [0, 0]
    assert browser.value(INK) > 5000, "atoms are drawn"
    choose(browser, "structure", 6)
    assert [browser.value(SHOWN), browser.value(MARK)] == [6, 6]
    assert browser.value(TOLD).startswith("test, group1, ")
    browser.click(*browser.value(AT.replace("NUMBER", "3")))
    browser.wait(f"{SHOWN} === 3 && {MARK} === 3")
    assert browser.value(TOLD).startswith("pool, group1, ")
    assert browser.value(f"{CANVAS}.getAttribute('aria-label')").startswith(browser.value(TOLD))
    picture = browser.value(f"{CANVAS}.toDataURL()")
    browser.value(f"{CANVAS}.focus()")
    browser.press("ArrowLeft")
    browser.wait(f"{CANVAS}.toDataURL() !== '{picture}'")
    assert browser.value(NAMES) == ["pool", "test set", "with 1 label", "with 2 labels"]
    choose(browser, "selection", 1)
    assert browser.value(NAMES) == ["pool", "test set", "with 1 label"]
    assert browser.complaints == []


@pytest.mark.browser
def test_what_was_chosen_stays_in_the_dark_and_on_paper(browser: Browser) -> None:
    choose(browser, "structure", 6)
    choose(browser, "selection", 1)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.wait("document.querySelector('#pool-map-figure .legendtext').style.fill === 'rgb(228, 228, 223)'")
    assert [browser.value(SHOWN), browser.value(MARK)] == [6, 6]
    assert browser.value(NAMES) == ["pool", "test set", "with 1 label"]
    browser.value("dispatchEvent(new Event('beforeprint'))")
    assert browser.value(MARK) == 6
    assert browser.value(NAMES) == ["pool", "test set", "with 1 label"]
    browser.value("dispatchEvent(new Event('afterprint'))")
    browser.click(*browser.value(AT.replace("NUMBER", "3")))
    browser.wait(f"{SHOWN} === 3 && {MARK} === 3")
    assert browser.complaints == []
