"""The report of a study as a whole: what is on its page, and what is not."""

import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

from al_core.errors import ConfigError
from al_core.evaluation.errors import mean_predictions
from al_core.models.prediction import Predictions
from al_core.report.numbers import number
from al_core.report.render import render_report, write_report
from al_core.storage.files import write_arrays, write_json
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies.curves import learning_curves
from al_core.studies.data import write_structures
from al_core.studies.results import FailedCell
from al_core.studies.workspace import Workspace
from tests.al_core.report.studies import (
    BUDGETS,
    ENERGY,
    FORCE,
    Page,
    study,
    with_deviations,
    with_properties,
    with_stress,
)

FIRST = ["learning", "saved", "acquisitions", "slices", "transfer"]
LAST = ["ledger", "provenance", "reproduce"]


@pytest.fixture(scope="module")
def full():
    return study()


@pytest.fixture(scope="module")
def page(full):
    return Page(render_report(full))


def test_the_page_is_self_contained_small_and_always_the_same(full):
    html = render_report(full)
    assert html == render_report(full)
    assert Page(html).loads == ["data:,"]
    outside_scripts = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", outside_scripts)
    assert html.count("plotly.js v") == 1
    whole = with_deviations(with_stress(with_properties(full)))
    assert len(render_report(whole).encode()) < 8e6


def test_the_contents_are_the_sections_and_these_are_what_the_study_has(full, page):
    assert page.contents == ["verdict", *page.titles]
    assert list(page.titles) == FIRST + LAST
    whole = Page(render_report(with_deviations(with_stress(with_properties(full)))))
    assert whole.contents == ["verdict", *whole.titles]
    assert list(whole.titles) == [
        *FIRST,
        "survival",
        "properties",
        "equation-of-state",
        "phonons",
        "structure",
        "spread",
        *LAST,
    ]


def test_the_verdict_comes_first(page):
    verdict = page.section("verdict")
    assert verdict.startswith("ge-from-si With 4 labels, rescaled reaches a force MAE of")
    assert "Data efficiency > 2×" in verdict
    assert "Cost 2.16 core-hours" in verdict


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


def test_negative_transfer_is_shown(page):
    section = page.section("transfer")
    assert "Negative transfer in 8 of the 16 combinations of arm, acquisition and budget" in section
    assert re.search(
        r"transfer \+\d[^<]*? worse [^<]*?worse in 3 of 3 seeds \d[^<]*? times its error \(\d[^<]*? to \d[^<]*?\) "
        r"harmed worse on 300K, liquid, strained, vacancy",
        section,
    )


def test_that_there_is_no_negative_transfer_is_said_too():
    section = Page(render_report(study(levels={"scratch": 1.0, "rescaled": 0.5}))).section("transfer")
    assert "No negative transfer: in none of the 8 combinations" in section
    assert "−" in section


def test_an_unfinished_study_reports_what_it_has_and_says_what_is_missing():
    results = study(keep=lambda row: row.budget <= 2 and row.seed < 2 and row.comparison == "shared")
    verdict = Page(render_report(results)).section("verdict")
    assert "This study is unfinished: 24 of 144 cells finished." in verdict
    assert "Only 2 seeds finished: no claim is made with fewer than three seeds." in verdict
    assert "With 2 labels, rescaled reaches" in verdict
    assert "No cell is finished yet of: own acquisitions, random; own acquisitions, uncertainty." in verdict
    mixed = study(keep=lambda row: row.seed < 2 or row.budget == 1)
    assert "Some points have fewer than three seeds so far" in Page(render_report(mixed)).section("verdict")


def test_a_study_without_a_finished_cell_has_a_report(full):
    page = Page(render_report(replace(full, rows=(), ledger={})))
    assert "No result yet: 0 of 144 cells finished." in page.section("verdict")
    assert "Nothing can be said yet" in page.section("verdict")
    assert list(page.titles) == ["provenance", "reproduce"]


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
    assert "This study has no scratch arm to compare with." in page.section("verdict")
    assert "This study has no shared comparison" in page.section("verdict")
    assert not {"saved", "transfer"} & set(page.titles)


def test_the_same_cells_in_both_comparisons_are_told_and_not_shown_twice(page):
    section = page.section("learning")
    assert "Own acquisitions, random: all cells also count in the shared comparison" in section
    assert "own acquisitions, random, 8 labels" not in page.section("slices")
    assert "own acquisitions, uncertainty, 8 labels" in page.section("slices")


def test_the_ledger_and_the_provenance_are_printed_and_escaped(full, page):
    assert [" c0ffee", " not converged after <100> steps"] in page.rows
    assert "<100>" not in render_report(full)
    assert [" spent on labels", " 2.01 core-hours"] in page.rows
    assert [" 4", " 20", " 1.00 core-hours", " 256 core-seconds"] in page.rows
    assert [" versions › mace", " 0.3"] in page.rows
    assert [" pool › slices", " 300K, liquid"] in page.rows
    assert "No cell and no label failed." not in page.text


def test_failed_cells_are_listed_with_their_cause(full):
    failures = (FailedCell("shared", "transfer", "random", 2, 4, "diverged"),)
    page = Page(render_report(replace(full, rows=full.rows[:-1], failures=failures)))
    assert [" shared", " random", " transfer", " 2", " 4", " diverged"] in page.rows
    assert "143 of 144 cells finished, 1 failed." in page.section("verdict")


def test_the_config_of_the_report_is_the_study_s(full, page):
    section = page.section("reproduce")
    assert "graft study run ge-from-si.yaml" in section
    html = render_report(full)
    printed = re.search(r"<summary>Config</summary>\s*<pre>(.*?)</pre>", html, flags=re.DOTALL)
    assert yaml.safe_load(printed[1].replace("&#39;", "'")) == full.config


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


def test_stress_and_pressure_are_where_the_energy_is():
    # without noise: scratch has 200 / sqrt(N) meV/Å, so 2, 1.41, 1 and 0.707 GPa; with 8 labels 0.919 GPa at 300 K
    page = Page(render_report(with_stress(study(noise=0.0))))
    budgets = page.first_words("scratch", 5)
    assert ["scratch", "2.00", "1.41", "1.00", "0.707"] in budgets
    assert ["scratch", "−2.00", "−1.41", "−1.00", "−0.707"] in budgets
    slices = page.first_words("scratch", 6)
    assert ["scratch", "0.707", "0.919", "–", "1.34", "1.56"] in slices
    assert ["scratch", "−0.707", "−0.919", "–", "−1.34", "−1.56"] in slices
    assert ["transfer", "+0.600", "+0.424", "+0.300", "+0.212"] in page.first_words("transfer", 5)
    assert "Stress MAE, GPa" in page.section("transfer")


def test_labels_without_stress_have_no_word_of_it(page):
    for name in ("learning", "slices", "transfer"):
        for text in ("Stress", "stress", "pressure", "GPa"):
            assert text not in page.section(name)


def test_cells_that_an_earlier_version_evaluated_have_a_dash_for_stress():
    page = Page(render_report(with_stress(study(noise=0.0), keep=lambda row: row.budget > 1)))
    assert ["scratch", "–", "1.41", "1.00", "0.707"] in page.first_words("scratch", 5)
    assert ["scratch", "200", "141", "100", "70.7"] in page.first_words("scratch", 5)


def test_the_page_says_what_its_headlines_are_means_over(page):
    assert "means over the test slices where no slice is named" in page.text
    assert "Errors, mean over the test slices and over seeds, against the number of labels" in page.text


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


def test_training_is_counted_once_by_arm_and_budget(full):
    # random cells count in both comparisons; uncertainty has its own: 3 + 6 committees of 10 s at each budget
    page = Page(render_report(full))
    rows = [row for row in page.rows if row[0] == " transfer" and "committees" in row[-1]]
    assert rows == [[" transfer", *[" 90.0 core-seconds 9 committees 0 labels"] * len(BUDGETS)]]


def test_a_folder_with_predictions_and_a_map_has_sections_of_single_structures(full, tmp_path, ge_labelled, crystals):
    workspace = Workspace(tmp_path)
    write_labelled(workspace.test, ge_labelled)
    write_structures(workspace.pool, crystals("Ge", 4, seed=1))
    pool, test = read_structures(workspace.pool), read_structures(workspace.test)
    for name, off in (("good", 0.02), ("bad", 0.3)):
        predictions = Predictions(
            np.array([[label.energy, label.energy + 2 * off * len(atoms)] for atoms, label in ge_labelled]),
            [np.array([label.forces, label.forces + 2 * off]) for _, label in ge_labelled],
            np.full((len(test), 2, 6), np.nan),
        )
        write_arrays(workspace.evaluation_arrays(name), mean_predictions(predictions, test))
    points = [[[structure_id(one), "a", float(n), 0.0] for n, one in enumerate(some)] for some in (pool, test)]
    write_json(workspace.pool_map, {"inputs": "k", "explained": [0.7, 0.2], "pool": points[0], "test": points[1]})
    kept = {"rescaled": "good", "scratch": "bad"}
    rows = tuple(replace(row, evaluation=kept.get(row.arm, "")) for row in full.rows)
    page = Page(render_report(replace(full, rows=rows), tmp_path))
    assert list(page.titles) == [*FIRST, "spread", "parity", "pool-map", *LAST]
    html = render_report(replace(full, rows=rows), tmp_path)
    assert "scratch: MAE 300 meV/Å; rescaled: MAE 20.0 meV/Å" in html
    assert "scratch: MAE 300 meV/atom; rescaled: MAE 20.0 meV/atom" in html
    assert "force MAE of rescaled 20.0 meV/Å" in html
