"""The report of a growth: what it says of its rounds, and that nothing heavy is needed for it."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from al_core.errors import ConfigError
from al_core.report.growth import render_growth, write_growth_report
from al_core.report.growth_overview import GrowthOverview
from al_core.report.growth_sections.errors import forecast, labels_needed
from al_core.report.growth_sections.exploration import walked
from al_core.report.growth_sections.trust import reliability_bins
from al_core.report.growth_sections.verdict import cautions, headline, tiles
from al_core.storage.files import read_json, write_json
from al_core.studies.growth_index import load_growth
from al_core.studies.workspace import Workspace
from al_core.uncertainty.calibration import Calibration
from tests.al_core.report.browser import Browser, found_browser
from tests.al_core.report.growths import FAILURE, WANTED, WIDTHS, expected_mae, journeys, make_growth
from tests.al_core.report.studies import Page

SECTIONS = ["errors", "exploration", "trust", "labelled", "growth-map", "cost", "use", "provenance"]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_growth(tmp_path_factory.mktemp("growth") / "out")


@pytest.fixture
def view(folder):
    return GrowthOverview(load_growth(folder), folder)


@pytest.fixture(scope="module")
def html(folder):
    return render_growth(load_growth(folder), folder)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def render(folder):
    return render_growth(load_growth(folder), folder)


def changed(view, **changes):
    """The same growth, with other values in its last round."""
    last = replace(view.rounds[-1], **changes)
    return GrowthOverview(replace(view.results, rounds=(*view.rounds[:-1], last)), view.folder)


def figure_of(html, name):
    """What a figure is drawn from."""
    return json.loads(re.search(f'id="{name}-data">(.*?)</script>', html)[1])


def trace(figure, name):
    """The trace of a figure that its legend names."""
    return next(one for one in figure["data"] if one.get("name") == name and one.get("showlegend") is not False)


def test_the_page_is_self_contained_and_has_all_sections(folder, html, page):
    assert page.loads == ["data:,"]
    assert page.contents == ["verdict", *SECTIONS]
    assert list(page.titles) == SECTIONS
    assert html == render_growth(load_growth(folder), folder), "the same files give the same page"


def test_it_is_written_into_the_folder(tmp_path):
    folder = make_growth(tmp_path / "out", rounds=2)
    path = write_growth_report(folder)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(ConfigError, match="no growth"):
        write_growth_report(tmp_path)


def test_it_needs_neither_torch_nor_prefect(folder):
    code = (
        "import sys; from pathlib import Path; from al_core.report.growth import render_growth\n"
        "from al_core.studies.growth_index import load_growth\n"
        f"render_growth(load_growth(Path({str(folder)!r})), Path({str(folder)!r}))\n"
        "assert not {'torch', 'prefect', 'flows', 'calculators', 'mace'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# the verdict


def test_the_headline_says_what_is_expected_and_what_was_wanted(view):
    # 160 / sqrt(6) = 65.3
    assert headline(view) == (
        "Ge potential for crystal and vacancy at 300 and 900 K is not shown to be good enough: "
        "a force error of 65.3 meV/Å is expected, 30 was wanted."
    )
    good = changed(view, expected=0.02)
    assert headline(good) == (
        "Ge potential for crystal and vacancy at 300 and 900 K is good enough: "
        "a force error of 20.0 meV/Å is expected, 30 was wanted, and dynamics are stable."
    )
    assert cautions(good) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"calibration": Calibration()}, "not calibrated"),
        ({"calibration": Calibration(2.0, 3, (), 0.01)}, "calibrated on 3 labels drawn at random; it takes 4"),
        ({"calibration": Calibration(1.25, 6, WIDTHS, 0.04)}, "errors are larger than expected (ZMS 4.00, 1 is right)"),
        ({"expected": 0.04}, f"above the {WANTED:g} meV/Å"),
        ({"journeys": journeys(lost=1)}, "1 of 4 walkers was lost (left the window)"),
        ({"journeys": journeys(lost=1, unphysical=1)}, "2 of 4 walkers were lost (atoms too near, left the window)"),
        ({"reason": ""}, "unfinished"),
    ],
)
def test_a_doubt_is_told_before_the_numbers(view, changes, told):
    doubtful = changed(view, **{"expected": 0.02} | changes)
    found = cautions(doubtful)
    assert len(found) == 1
    assert told in found[0]
    assert "is good enough" not in headline(doubtful) or "ZMS" in told, "the error itself may still be small enough"


def test_unstable_dynamics_are_told(tmp_path):
    folder = make_growth(tmp_path / "out")
    path = Workspace(folder).evaluation("dynamics")
    record = read_json(path)
    record["details"]["walks"][1] |= {"failure": "atoms too near", "time_ps": 0.25}
    write_json(path, record)
    view = changed(GrowthOverview(load_growth(folder), folder), expected=0.02)
    assert cautions(view) == ["Dynamics are not stable: 900 K: atoms too near after 0.250 ps."]
    assert "the dynamics it is for are not stable" in headline(view)
    stable = tiles(view)[2]
    assert (stable.value, stable.unit) == ("up to 300", "K")
    record["details"]["walks"].pop()
    write_json(path, record)
    lacking = GrowthOverview(view.results, folder)
    assert lacking.stable(lacking.rounds[-1]) is False, "a temperature without a walker is none that is stable"


def test_a_test_error_above_the_wanted_one_is_told(view):
    path = view.workspace.evaluation("errors3")
    record = read_json(path)
    try:
        worse = {**record["metrics"], "crystal_300K": {"force_mae_meV_per_A": 55.0}}
        write_json(path, record | {"metrics": worse})
        found = cautions(changed(view, expected=0.02))
        top = headline(changed(view, expected=0.02))
    finally:
        write_json(path, record)
    assert found == ["On the test slices within the purpose the force error is 55.0 meV/Å, more than was wanted."]
    assert top.endswith("not shown to be good enough: on test slices within its purpose the force error is 55.0 meV/Å.")


def test_the_tiles_have_expected_and_test_error_dynamics_and_cost(view):
    expected, test, stable, cost = tiles(view)
    assert (expected.value, expected.unit) == ("65.3", "meV/Å")
    assert "wanted: 30 meV/Å, not reached" in expected.lines
    assert (test.value, test.lines[0]) == ("20.0", "mean over 1 slice within the purpose")
    assert test.lines[1] == "over all 2: 120 meV/Å; outside, where it may fail: surface_300K"
    assert (stable.value, stable.unit) == ("up to 900", "K")
    assert stable.lines[0] == "asked: 5 ps, 64 atoms, 300 and 900 K"
    assert (cost.value, cost.unit) == ("5", "labels")
    assert "paid for labels: 2.00 core-hours" in cost.lines


def test_the_top_says_the_purpose_the_reason_and_the_files(page):
    text = page.section("verdict")
    assert "Phases crystal and vacancy; temperatures 300 and 900 K; strain up to 3 %; cells 8 atoms explored" in text
    assert "pressure fixed volume. Why it stopped good enough." in text
    assert "model/" in text
    assert "Ge.model" in text


def test_an_unfinished_growth_says_so_and_offers_no_model(tmp_path):
    folder = make_growth(tmp_path / "out", rounds=2, reason="", tested=False)
    page = Page(write_growth_report(folder).read_text(encoding="utf-8"))
    top = page.section("verdict")
    assert "Unfinished: after round 1, with 2 labels," in top
    assert "Why it stopped" not in top
    assert "There is no model yet" in page.section("use")
    assert "CommitteeCalculator" not in page.section("use")
    nothing = replace(load_growth(folder), rounds=())
    text = Page(render_growth(nothing, folder)).section("verdict")
    assert "No result yet: no round is finished." in text


# errors and forecast


def test_the_errors_of_every_round_are_drawn_against_its_labels(html):
    figure = figure_of(html, "errors-by-round")
    expected = trace(figure, "expected")
    assert expected["x"] == [2, 4, 6]
    np.testing.assert_allclose(expected["y"], [160 * n**-0.5 for n in (2, 4, 6)])
    bare = trace(figure, "expected, not calibrated")
    assert (bare["x"], bare["y"]) == ([0], [10.0])
    assert trace(figure, "cross-validated")["y"] == [40.0] * 3
    assert trace(figure, "test set")["y"] == [120.0] * 4
    assert trace(figure, "test set, within the purpose")["y"] == [20.0] * 4
    assert trace(figure, "wanted")["y"] == [WANTED] * 2


def test_a_power_law_says_how_many_labels_the_wanted_error_takes(view):
    found = forecast(view)
    assert found.law.exponent == pytest.approx(0.5)
    assert labels_needed(found.law, WANTED) == pytest.approx((160 / 30) ** 2)
    assert "to the power of −0.500" in found.told[0]
    assert "no interval" in found.told[0]
    assert (
        found.told[1] == "By this power law 30 meV/Å take about 28 labels; with three rounds nobody knows how surely."
    )


def test_a_forecast_that_cannot_be_made_is_none(view):
    reached = forecast(changed(view, expected=0.029))
    assert reached.told[-1] == "The wanted 30 meV/Å are reached with 6 labels."
    two = GrowthOverview(replace(view.results, rounds=view.rounds[:3]), view.folder)
    assert forecast(two).law is None
    assert "cannot be told: a power law takes three rounds" in forecast(two).told[0]
    bare = forecast(changed(view, calibration=Calibration()))
    assert bare.law is None, "a round that is not calibrated does not count"
    rising = forecast(changed(view, expected=0.5))
    assert "does not fall" in rising.told[0]
    assert rising.told[1].endswith("cannot be told.")
    slow = forecast(changed(view, expected=0.105))
    assert "more than 60, 10 times those so far" in slow.told[1]


# exploration


def test_a_walker_that_left_or_was_unphysical_is_lost_to_the_survival(html, page):
    found = walked(journeys(lost=1, unphysical=1))
    np.testing.assert_allclose(found.time_ps, [0, 0.1, 0.3, 1.0])
    np.testing.assert_allclose(found.share, [1, 0.75, 0.5, 0.5])
    line = trace(figure_of(html, "exploration-survival"), "round 1")
    np.testing.assert_allclose(line["y"], [100, 75, 50, 50])
    row = next(row for row in page.rows if len(row) == 8 and row[0].strip() == "1")
    assert [cell.split()[0] for cell in row] == ["1", "2", "4", "2", "1", "1", "4", "3"]
    assert row[5].endswith("1: atoms too near")


# is the expected error true


def test_reliability_is_told_by_slice_and_what_is_outside_the_purpose_is_marked(page):
    rows = {}
    for row in page.rows:  # the last round comes first
        if row[-1].endswith("%"):
            rows.setdefault(row[0].strip(), [cell.strip() for cell in row[1:]])
    inside = next(values for name, values in rows.items() if name == "crystal_300K")
    outside = next(values for name, values in rows.items() if name.startswith("surface_300K"))
    mean = 1e3 * np.mean([expected_mae(0.02 * number) for number in (1, 2, 3, 4)])
    assert inside[:2] == ["4", f"{mean:.1f}"]
    assert inside[2:] == ["50.0", "1.00", "0 %", "100 %", "100 %"]
    assert outside[3:] == ["9.00", "0 %", "0 %", "0 %"]
    assert any(name == "surface_300K (no surface was asked for)" for name in rows)
    names = [row[0].strip() for row in page.rows]
    first = names.index("Within the purpose")
    assert [name.split(" (")[0] for name in names[first : first + 4]] == [
        "Within the purpose",
        "crystal_300K",
        "Outside the purpose, may fail",
        "surface_300K",
    ]
    assert "about right (ZMS 1.00)" in page.section("trust")


@pytest.mark.parametrize(
    ("name", "outside"),
    [
        ("crystal_300K", False),
        ("diamond_900K", False),
        ("vacancy", False),
        ("strained", False),
        ("size_transfer", False),
        ("surface", True),
        ("liquid", True),
        ("crystal_1500K", True),
    ],
)
def test_a_slice_is_judged_by_its_name(view, name, outside):
    assert bool(view.outside(name)) is outside


def test_strain_is_outside_where_none_was_asked_for(view):
    results = replace(view.results, config=view.results.config | {"purpose": {"strain": 0.0, "phases": ["liquid"]}})
    other = GrowthOverview(results, view.folder)
    assert other.outside("strained")
    assert other.outside("vacancy")
    assert not other.outside("liquid_1500K")


def test_bins_of_expected_error_have_the_actual_one_and_its_interval(view):
    last = view.rounds[-1]
    crystals = [one for one in view.predictions[3] if one.slice == "crystal_300K"]
    bins = reliability_bins(last.calibration, crystals, bins=4)
    assert bins.shape == (4, 4)
    np.testing.assert_allclose(bins[0, :2], [expected_mae(0.02), 0.02], rtol=1e-4)
    np.testing.assert_allclose(bins[-1, :2], [expected_mae(0.08), 0.08], rtol=1e-4)
    assert (bins[:, 2] <= bins[:, 1] + 1e-9).all()
    assert (bins[:, 1] <= bins[:, 3] + 1e-9).all()


def test_the_correlation_of_expected_and_actual_error_is_told(page):
    row = next(row for row in page.rows if row and row[0].strip() == "within the purpose")
    assert [cell.strip() for cell in row[1:]] == ["1.00"] * 4


def test_without_a_test_set_only_cross_validation_speaks(tmp_path):
    folder = make_growth(tmp_path / "out", tested=False)
    page = Page(write_growth_report(folder).read_text(encoding="utf-8"))
    trust = page.section("trust")
    assert "cross-validation on 6 drawn labels says that errors are 2.5 times" in trust
    assert "no predictions for a test set" in trust
    assert "ZMS" not in trust
    assert "Not measured" in page.section("verdict")


# labels, map, cost, use


def test_what_was_labelled_is_told_with_its_cost_and_why(page):
    rows = [[cell.strip() for cell in row] for row in page.rows if row[0].strip() == "crystal_300K" and len(row) == 8]
    labelled = [row for row in rows if row[5] in ("drawn", "selected")]
    assert [row[5] for row in labelled] == ["drawn", "selected"] * 3
    assert [row[6] for row in labelled[:3]] == ["1000 core-seconds", "–", "1001 core-seconds"]
    assert labelled[1][7] == f"failed {FAILURE}"
    assert labelled[0][7] == "labelled"


def test_a_label_store_that_is_gone_leaves_the_costs_out(tmp_path):
    folder = make_growth(tmp_path / "out", rounds=2, tested=False)
    (folder / "labels.db").unlink()
    page = Page(write_growth_report(folder).read_text(encoding="utf-8"))
    assert "costs are not known" in page.section("labelled")
    assert not (folder / "labels.db").exists(), "looking makes no store"


def test_the_map_has_starts_frames_rings_and_the_test_set(html):
    figure = figure_of(html, "growth-map-figure")
    counts = {one["name"]: len(one["x"]) for one in figure["data"] if "name" in one}
    assert counts == {"starts": 3, "test set": 7, **{f"round {number}": 4 for number in range(4)}, "labelled": 6}
    rings, frames = (next(one for one in figure["data"] if one.get("name") == name) for name in ("labelled", "round 0"))
    assert set(rings["customdata"][:2]) <= set(frames["customdata"])
    assert "did not converge" in rings["text"][1]
    data = json.loads(re.search(r'id="growth-map-structures">(.*?)</script>', html)[1])
    assert len(data["structures"]) == 3 + 7 + 16
    # test structures within the purpose lie at (0, 0) to (0, 3), frames at (walker, round)
    assert "8 of 16 frames that walkers came by are farther from each of the test structures within the purpose" in html


def test_without_a_test_set_frames_are_compared_with_the_starts(tmp_path):
    folder = make_growth(tmp_path / "out", rounds=2, tested=False)
    assert "4 of 8 frames that walkers came by are farther from each of the starts than" in render(folder)


def test_without_features_there_is_no_map(tmp_path):
    folder = make_growth(tmp_path / "out", rounds=2)
    shutil.rmtree(folder / "features")
    assert "growth-map" not in Page(render(folder)).contents


def test_the_cost_of_a_round_is_what_it_added(page):
    rows = [row for row in page.rows if len(row) == 6 and row[0].strip() in "0123"]
    told = [[cell.strip() for cell in row] for row in rows][:2]
    assert told[0] == ["0", "2", "0", "100 core-seconds", "nothing", "100 core-seconds"]
    assert told[1] == ["1", "2", "1", "300 core-seconds", "10.0 core-seconds", "410 core-seconds"]
    assert FAILURE in page.section("cost")


def test_the_page_says_how_to_use_the_model(page):
    text = page.section("use")
    assert 'CommitteeCalculator.of_folder(Path("model"))' in text
    assert 'results["forces_uncertainty"]' in text
    assert 'MACECalculator(model_paths="Ge.model"' in text
    assert "graft grow germanium.yaml" in text
    assert "0123abcd" in page.section("provenance")


def test_names_that_look_like_html_stay_text(folder, view):
    results = replace(view.results, name="<script>alert(1)</script>")
    assert "<script>alert(1)" not in render_growth(results, folder)


DRAWN = """[...document.querySelectorAll(".plot")].map(
  plot => plot.querySelectorAll(".trace").length && plot.querySelectorAll(".trace path").length)"""
VISIBLE = """(() => {
  const box = document.querySelector("%s").getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth && box.height > 0;
})()"""


@pytest.mark.browser
def test_the_page_is_drawn_fits_the_window_and_starts_with_the_verdict(html, tmp_path):
    program = found_browser()
    if program is None:
        pytest.skip("no chromium here")
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    browser = Browser(program, tmp_path / "profile")
    try:
        for dark in (False, True):
            browser.open(path, 1440, 900, dark=dark)
            drawn = browser.value(DRAWN)
            assert len(drawn) == 4
            assert all(drawn)
        for part in (".headline", ".tiles > li:nth-child(4)", ".caution", '#verdict a[href="#use"]', "nav ol"):
            assert browser.value(VISIBLE % part.replace('"', '\\"')), part
        browser.click(
            *browser.value(
                "(() => { const b = document.querySelector('#errors-by-round-legend button');"
                "b.scrollIntoView({ block: 'center', behavior: 'instant' });"
                "const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
            )
        )
        browser.wait("document.getElementById('errors-by-round').data[0].visible === false")
        assert browser.value("document.querySelector('.pool-map-told').textContent").startswith("start, crystal_300K")
        for width in (1000, 400):
            browser.open(path, width, 800)
            assert browser.value("document.documentElement.scrollWidth") == width
        assert browser.complaints == []
    finally:
        browser.close()
