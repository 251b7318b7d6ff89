import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from al_core.errors import ConfigError
from al_core.report.figures import arm_styles, error_range, learning_curve_figure, log_ticks
from al_core.report.render import headline, render_report, transfer_verdict, write_report
from al_core.report.tables import number
from al_core.storage.files import write_json
from al_core.studies.curves import learning_curves
from al_core.studies.results import Row, StudyResults

FORCE, ENERGY = "force_mae_meV_per_A", "energy_mae_meV_per_atom"
STRESS, PRESSURE = "stress_mae_GPa", "pressure_bias_GPa"
SLICES = ("all", "300K", "liquid", "strained", "vacancy")
BUDGETS = (1, 2, 4, 8)
LEVELS = {"scratch": 1.0, "transfer": 1.3, "rescaled": 0.5}


def study(*, seeds=(0, 1, 2), levels=LEVELS, noise=0.05, keep=lambda row: True):
    """A study whose mean force MAE is 200 meV/Å * level / sqrt(labels), with noise between seeds."""
    rng = np.random.default_rng(1)
    rows = []
    for comparison in ("shared", "own"):
        for acquisition in ("random", "uncertainty"):
            for arm, level in levels.items():
                for seed in seeds:
                    for budget in BUDGETS:
                        error = 200 * level / budget**0.5 * (1 + noise * rng.normal())
                        metrics = {
                            name: {FORCE: error * (1 + 0.3 * i), ENERGY: error / 10 * (1 + 0.3 * i), "n_structures": 8}
                            for i, name in enumerate(SLICES)
                        }
                        owner = "" if acquisition == "random" else comparison
                        cell = f"{owner}{arm}{acquisition}{seed}{budget}"
                        rows.append(Row(comparison, arm, acquisition, seed, budget, cell, metrics, (), (), 10.0))
    return StudyResults(
        name="ge-from-si",
        config={
            "name": "ge-from-si",
            "arms": [{"kind": arm, "learning_rate": 0.01} for arm in levels],
            "acquisitions": [{"kind": "random"}, {"kind": "uncertainty"}],
            "budgets": list(BUDGETS),
            "seeds": list(seeds),
            "comparisons": ["shared", "own"],
            "shared_leader": "",
        },
        provenance={
            "versions": {"python": "3.11", "mace": "0.3"},
            "pool": {"hash": "ab" * 32, "slices": ["300K", "liquid"]},
        },
        rows=tuple(row for row in rows if keep(row)),
        expected_rows=len(rows),
        ledger={
            "labels_done": 41,
            "labels_failed": 2,
            "label_core_seconds": 7250.0,
            "failed_core_seconds": 88.0,
            "training_core_seconds": 512.0,
            "test_labels": 40,
            "failures": [
                {"structure": "c0ffee", "cause": "not converged after <100> steps"},
                {"structure": "beef", "cause": "killed: out of memory"},
            ],
            "per_budget": [
                {"budget": n, "labels": 5 * n, "label_core_seconds": 900.0 * n, "training_core_seconds": 64.0 * n}
                for n in BUDGETS
            ],
        },
    )


class Page(HTMLParser):
    """The text of a page outside scripts and styles, its cells by table row, and what its attributes load."""

    def __init__(self, html):
        super().__init__()
        self.loads, self.rows, self.words, self.scripts = [], [], [], 0
        self._open = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        if tag in ("script", "style", "th", "td"):
            self._open.append(tag)
        if tag == "script":
            self.scripts += 1
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data):
        where = self._open[-1] if self._open else ""
        if where in ("script", "style"):
            return
        self.words.append(data)
        if where:
            self.rows[-1][-1] = " ".join([self.rows[-1][-1], *data.split()])

    def section(self, title):
        """Text from a heading on."""
        return self.text[self.text.index(title) :]


@pytest.fixture(scope="module")
def full():
    return study()


@pytest.fixture(scope="module")
def page(full):
    return Page(render_report(full))


def test_the_page_is_self_contained_and_always_the_same(full):
    html = render_report(full)
    assert html == render_report(full)
    assert Page(html).loads == ["data:,"]
    outside_scripts = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", outside_scripts)
    assert html.count("plotly.js v") == 1


def test_the_sections_come_in_order(page):
    titles = [
        "force error",
        "energy error",
        "by test slice",
        "by budget",
        "Labels saved",
        "Negative transfer",
        "Ledger",
        "Provenance",
    ]
    places = [page.text.index(title, page.text.index("Learning curves: force")) for title in titles]
    assert places == sorted(places)


def test_the_numbers_of_the_tables_are_those_of_the_rows(full, page):
    curves = {curve.arm: curve for curve in learning_curves(full.rows, "own", "uncertainty", FORCE)}
    point = curves["rescaled"].at(4)
    cell = f" {number(point.mean)} {number(point.spread.low)} to {number(point.spread.high)}"
    assert any(row[0] == " rescaled" and row[3] == cell for row in page.rows)
    curves = {curve.arm: curve for curve in learning_curves(full.rows, "own", "uncertainty", FORCE, "liquid")}
    point = curves["transfer"].at(8)
    cell = f" {number(point.mean)} {number(point.spread.low)} to {number(point.spread.high)}"
    assert any(row[0] == " transfer" and len(row) == 6 and row[3] == cell for row in page.rows)


def test_labels_saved_by_hand():
    # without noise: rescaled with 1 label has 100 meV/Å, which scratch, 200 / sqrt(N), has with 4; transfer has 260
    page = Page(render_report(study(noise=0.0)))
    row = next(row for row in page.rows if row[0] == " rescaled" and "×" in row[1])
    assert row[1] == " 4.0 (4×) 95 %: 4× by seed 4.0, 4.0, 4.0"
    assert row[3] == " > 8 (> 2×) 95 %: > 2× by seed > 8, > 8, > 8"
    # transfer with 4 labels has 130, which scratch has with (200 / 130)^2 = 2.37
    row = next(row for row in page.rows if row[0] == " transfer" and "×" in row[1])
    assert " ".join(row[3].split()) == "2.4 (0.59×) worse 95 %: 0.59× by seed 2.4, 2.4, 2.4"


def test_the_headline_follows_the_data_either_way():
    good = study(noise=0.0)
    assert headline(good).startswith(
        "With 4 labels, rescaled reaches a force MAE of 50.0 meV/Å; scratch does not reach"
    )
    bad = study(noise=0.0, levels={"scratch": 1.0, "transfer": 1.3})
    assert headline(bad) == "With 4 labels, transfer reaches a force MAE of 130 meV/Å; scratch needs only 2.4."
    some = study(noise=0.0, levels={"scratch": 1.0, "transfer": 0.75})
    assert headline(some) == "With 4 labels, transfer reaches a force MAE of 75.0 meV/Å; scratch needs 7.1."
    poor = study(noise=0.0, levels={"scratch": 1.0, "transfer": 5.0})
    assert headline(poor).endswith("; scratch is at least as good with 1 label.")
    lone = study(noise=0.0, levels={"transfer": 1.0})
    assert headline(lone).endswith("there is no finished scratch arm to compare it with.")


def test_negative_transfer_is_shown(page):
    section = page.section("Negative transfer Negative transfer in")
    assert "Negative transfer in 8 of the 16 combinations of arm, acquisition and budget" in section
    assert re.search(
        r"transfer \+\d[^<]*? worse [^<]*?worse in 3 of 3 seeds harmed worse on 300K, liquid, strained, vacancy",
        section,
    )


def test_that_there_is_no_negative_transfer_is_said_too():
    page = Page(render_report(study(levels={"scratch": 1.0, "rescaled": 0.5})))
    assert "No negative transfer: in none of the 8 combinations" in page.section("Negative transfer No")
    assert "−" in page.section("Negative transfer No")
    assert transfer_verdict([], "scratch").startswith("Nothing can be said yet")


def test_an_unfinished_study_says_so():
    results = study(keep=lambda row: row.budget <= 2 and row.seed < 2 and row.comparison == "shared")
    page = Page(render_report(results))
    assert "This study is unfinished: 24 of 144 cells finished." in page.text
    assert "Only 2 seeds finished: no claim is made with fewer than three seeds." in page.text
    assert headline(results).startswith("With 2 labels, rescaled reaches")
    assert "No cell is finished yet." in page.text
    mixed = study(keep=lambda row: row.seed < 2 or row.budget == 1)
    assert "Some points have fewer than three seeds so far" in Page(render_report(mixed)).text


def test_a_study_without_a_finished_cell_has_a_report(full):
    page = Page(render_report(replace(full, rows=(), ledger={})))
    assert "No result yet: 0 of 144 cells finished." in page.text
    assert page.text.count("No cell is finished yet") == 8 + 3
    assert "Nothing was spent yet." in page.text
    assert "Nothing can be said yet" in page.text


def test_one_seed_is_cautioned_and_three_are_not(page):
    alone = Page(render_report(study(seeds=(7,))))
    assert "Only 1 seed finished: no claim is made with fewer than three seeds." in alone.text
    assert "Seeds: 1 (7)." in alone.text
    assert "no claim" not in page.text
    assert "95 % t interval of the mean over 3 seeds" in page.text


def test_a_study_without_the_baseline_or_the_shared_comparison_says_so(full):
    own = tuple(row for row in full.rows if row.comparison == "own" and row.arm != "scratch")
    config = {**full.config, "comparisons": ["own"], "arms": [{"kind": "transfer"}, {"kind": "rescaled"}]}
    page = Page(render_report(replace(full, rows=own, config=config)))
    assert "This study has no scratch arm to compare with." in page.text
    assert "This study has no shared comparison" in page.text


def test_the_same_cells_in_both_comparisons_are_told(page):
    assert page.text.count("the numbers are the same") == 2  # random: one force and one energy figure


def test_the_ledger_and_the_provenance_are_printed_and_escaped(full, page):
    assert [" c0ffee", " not converged after <100> steps"] in page.rows
    assert "<100>" not in render_report(full)
    assert [" spent on labels", " 2.01 core-hours"] in page.rows
    assert [" 4", " 20", " 1.00 core-hours", " 256 core-seconds"] in page.rows
    assert [" versions › mace", " 0.3"] in page.rows
    assert [" pool › slices", " 300K, liquid"] in page.rows
    assert "shared_leader: ''" in page.text


def test_the_figure_has_log_axes_with_ticks_at_the_budgets(full):
    curves = learning_curves(full.rows, "shared", "random", FORCE)
    figure = learning_curve_figure(
        curves, BUDGETS, arm_styles(list(LEVELS), "scratch"), error_range(curves), "force MAE", "meV/Å"
    )
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert figure.layout.xaxis.tickvals == BUDGETS
    assert figure.layout.yaxis.title.text == "force MAE, meV/Å"
    band, dots, mean = figure.data[:3]
    assert list(mean.y) == [point.mean for point in curves[0].points]
    assert len(dots.y) == 12
    assert max(band.y) == max(point.spread.high for point in curves[0].points)
    low, high = 10 ** np.array(figure.layout.yaxis.range)
    assert low < min(min(trace.y) for trace in figure.data)
    assert high > max(max(trace.y) for trace in figure.data)


def test_an_arm_has_one_colour_and_no_two_share_it():
    styles = arm_styles(["scratch", "a", "b", "c", "d", "e", "f"], "scratch")
    assert len({style.colour for style in styles.values()}) == 7
    assert arm_styles(["a", "scratch"], "scratch")["a"] == styles["a"]


@pytest.mark.parametrize(("low", "high"), [(50, 120), (9, 11), (0.8, 900), (3, 4000)])
def test_ticks_are_round_and_enough(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 14
    assert ticks == sorted(ticks)
    assert low <= ticks[0]
    assert ticks[-1] <= high


def test_numbers_have_three_digits():
    texts = [number(value) for value in (1234.4, 99.96, 71.234, 7.126, 0.0614, 0.00012, 0.0, -3.456, -0.00001)]
    assert texts == ["1234", "100", "71.2", "7.13", "0.061", "0.00012", "0.000", "−3.46", "−1e-05"]


def test_the_report_is_written_into_the_folder(tmp_path):
    with pytest.raises(ConfigError, match="no study here"):
        write_report(tmp_path)
    metrics = {"all": {FORCE: 71.25, ENERGY: 3.5}}
    cell = {"metrics": metrics, "members_force_mae_meV_per_A": [80.0], "labels": ["x"], "core_seconds": 1.0}
    write_json(tmp_path / "cells" / "k.json", cell)
    place = {"comparison": "shared", "arm": "scratch", "acquisition": "random", "seed": 0, "budget": 4, "cell": "k"}
    study_file = {"name": "s", "config": {}, "provenance": {}, "grid": [place], "expected_rows": 2, "ledger": {}}
    write_json(tmp_path / "study.json", study_file)
    path = write_report(tmp_path)
    assert path == tmp_path / "report.html"
    assert [" scratch", " 71.2 one seed"] in Page(path.read_text(encoding="utf-8")).rows
    assert [file.name for file in tmp_path.glob(".tmp*")] == []


def with_stress(results, keep=lambda row: True):
    """The study with stress errors of a hundredth of the force error in GPa, and a pressure that is as much too low."""
    rows = []
    for row in results.rows:
        metrics = {
            name: {**values, STRESS: values[FORCE] / 100, PRESSURE: -values[FORCE] / 100}
            if name != "liquid"
            else values
            for name, values in row.metrics.items()
        }
        rows.append(replace(row, metrics=metrics) if keep(row) else row)
    return replace(results, rows=tuple(rows))


def test_stress_and_pressure_are_where_the_energy_is():
    # without noise: scratch has 200 / sqrt(N) meV/Å, so 2, 1.41, 1 and 0.707 GPa; with 8 labels 0.919 GPa at 300 K
    html = render_report(with_stress(study(noise=0.0)))
    page = Page(html)
    assert html.count(">Learning curves: stress error<") == 1
    assert html.count('id="stress-MAE-') == html.count('id="energy-MAE-') == 4
    budgets = [[words.split()[0] for words in row] for row in page.rows if row[0] == " scratch" and len(row) == 5]
    assert ["scratch", "2.00", "1.41", "1.00", "0.707"] in budgets
    assert ["scratch", "−2.00", "−1.41", "−1.00", "−0.707"] in budgets
    slices = [[words.split()[0] for words in row] for row in page.rows if row[0] == " scratch" and len(row) == 6]
    assert ["scratch", "0.707", "0.919", "–", "1.34", "1.56"] in slices
    assert ["scratch", "−0.707", "−0.919", "–", "−1.34", "−1.56"] in slices
    transfer = [[words.split()[0] for words in row] for row in page.rows if row[0] == " transfer" and len(row) == 5]
    assert ["transfer", "+0.600", "+0.424", "+0.300", "+0.212"] in transfer
    assert "Stress MAE, GPa" in page.section("Negative transfer Negative transfer in")


def test_labels_without_stress_have_no_word_of_it(page):
    for text in ("Stress", "stress", "pressure", "GPa"):
        assert text not in page.text


def test_cells_that_an_earlier_version_evaluated_have_a_dash_for_stress():
    page = Page(render_report(with_stress(study(noise=0.0), keep=lambda row: row.budget > 1)))
    budgets = [[words.split()[0] for words in row] for row in page.rows if row[0] == " scratch" and len(row) == 5]
    assert ["scratch", "–", "1.41", "1.00", "0.707"] in budgets
    assert ["scratch", "200", "141", "100", "70.7"] in budgets


def test_the_page_says_what_its_headlines_are_means_over(page):
    assert "means over the test slices where no slice is named" in page.text
    assert "Force MAE, mean over the test slices and over seeds, against the number of labels" in page.text


@pytest.mark.browser
def test_a_browser_draws_every_figure(tmp_path, full):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium here")
    path = tmp_path / "report.html"
    path.write_text(render_report(full), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    command = [browser, *flags, f"--user-data-dir={tmp_path}/profile", path.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    drawn = re.sub(r"<script.*?</script>", "", run.stdout, flags=re.DOTALL)
    assert drawn.count('class="trace scatter') == 8 * 3 * 3
    assert drawn.count(">force MAE, meV/Å</text>") == 4


def test_a_report_of_an_earlier_version_says_what_its_errors_are_over():
    results = study(seeds=(0,))
    row = results.rows[0]
    slices = {name: {FORCE: error, "n_structures": 4} for name, error in (("300K", 10.0), ("liquid", 30.0))}
    told = []
    for whole in (20.0, 27.0):
        metrics = {"all": row.metrics["all"] | {FORCE: whole, "n_structures": 8}, **slices}
        told.append(
            "measured by an earlier version" in render_report(replace(results, rows=(replace(row, metrics=metrics),)))
        )
    assert told == [False, True]
