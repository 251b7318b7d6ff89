"""Several studies in one report, and which are refused."""

import json
import re
from dataclasses import replace

import pytest

from al_core.errors import ConfigError
from al_core.evaluation.measured import Measured, Property
from al_core.report.compare import check_comparable, render_comparison, write_comparison
from al_core.storage.files import write_json
from tests.al_core.report.studies import FORCE, LEVELS, Page, study, with_properties


def two(**changes):
    """Two studies; ``changes`` of the provenance of the second."""
    first = with_properties(study())
    second = with_properties(study(levels={**LEVELS, "rescaled": 0.7}))
    config = {**second.config, "committee": 4}
    return {
        "from-si": replace(first, config={**first.config, "committee": 2}),
        "from-sn": replace(second, name="from-sn", config=config, provenance={**second.provenance, **changes}),
    }


@pytest.fixture(scope="module")
def page():
    return Page(render_comparison(two()))


def test_every_study_has_its_verdict(page):
    verdict = page.section("verdict")
    assert "Comparison of 2 studies" in verdict
    assert verdict.index("from-si") < verdict.index("from-sn")
    assert verdict.count("Data efficiency") == verdict.count("Stable simulations up to 900 K") == 2
    assert "rescaled reaches a force MAE of 52.2 meV/Å" in verdict
    assert "rescaled reaches a force MAE of 73." in verdict


def test_there_is_a_panel_an_arm_and_a_curve_a_study():
    html = render_comparison(two())
    assert html.count('class="plot"') == 1
    for text in ("scratch", "transfer", "rescaled"):
        assert f'"text":"{text}"' in html
    data = json.loads(re.search(r'id="learning-curves-data">(.*?)</script>', html)[1])["data"]
    assert [trace["name"] for trace in data if trace["showlegend"]] == ["from-si", "from-sn"]
    assert len([trace for trace in data if trace["mode"] == "lines+markers"]) == 2 * 3 * 2


def test_the_tables_name_the_study(page):
    assert list(page.titles) == ["learning", "saved", "properties", "differences"]
    assert "from-sn, own acquisitions, uncertainty" in page.section("saved")
    head = next(row for row in page.rows if row[0] == " property")
    assert [cell.strip() for cell in head[1:3]] == ["reference", "from-si, scratch, 8 labels"]
    assert len(head) == 2 + 2 * 3


def test_what_differs_is_listed_and_nothing_else(page):
    section = page.section("differences")
    assert [" config › committee", " 2", " 4"] in page.rows
    assert "shared_leader" not in section
    assert "test set" not in section


def test_another_test_set_is_refused():
    studies = two(**{"test set": {"structures": 40, "sha256": "ef" * 32}})
    with pytest.raises(ConfigError, match=r"from-sn has another test set than from-si: sha256 efef.*, expected cdcd"):
        render_comparison(studies)


def test_another_labeler_is_refused_and_the_settings_named():
    labeler = {"kind": "gpaw", "cutoff_eV": 400.0, "ladder": [{"mixing": 0.05}]}
    with pytest.raises(ConfigError) as error:
        check_comparable(two(labeler=labeler))
    assert "from-sn has another labeler than from-si" in str(error.value)
    assert "cutoff_eV 400.0, expected 250.0; ladder › 1 › mixing 0.05, expected 0.02" in str(error.value)
    with pytest.raises(ConfigError, match="xc PBEsol, expected not there"):
        check_comparable(
            two(labeler={"kind": "gpaw", "cutoff_eV": 250.0, "ladder": [{"mixing": 0.02}], "xc": "PBEsol"})
        )


def test_another_reference_is_refused_and_one_that_is_missing_is_not():
    studies = two()
    other = Measured({"C11_GPa": Property(120.0, "GPa")}, {})
    second = replace(studies["from-sn"], references={**studies["from-sn"].references, "elastic": other})
    with pytest.raises(ConfigError, match=r"another reference than from-si: C11_GPa 120\.0 GPa, expected 103\.8 GPa"):
        check_comparable({**studies, "from-sn": second})
    check_comparable({**studies, "from-sn": replace(second, references={})})


def test_many_differences_are_not_all_named():
    labeler = {f"setting_{number}": number for number in range(9)}
    with pytest.raises(ConfigError, match="and 7 more"):
        check_comparable(two(labeler=labeler))


def written(folder, name="s"):
    """A study of one cell in a folder."""
    cell = {
        "metrics": {"all": {FORCE: 71.25}},
        "members_force_mae_meV_per_A": [80.0],
        "labels": [],
        "core_seconds": 1.0,
    }
    write_json(folder / "cells" / "k.json", cell)
    place = {"comparison": "shared", "arm": "scratch", "acquisition": "random", "seed": 0, "budget": 4, "cell": "k"}
    parts = {"name": name, "config": {}, "provenance": {}, "grid": [place], "expected_rows": 1, "ledger": {}}
    write_json(folder / "study.json", parts)
    return folder


def test_studies_of_one_name_are_told_apart_by_their_folders(tmp_path):
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    path = write_comparison([first, second], tmp_path / "both.html")
    assert f"s ({first})" in Page(path.read_text()).section("verdict")


def test_one_study_alone_or_twice_is_refused(tmp_path):
    folder = written(tmp_path / "a")
    for folders in ([folder], [folder, tmp_path / "b" / ".." / "a"]):
        with pytest.raises(ConfigError, match="expected two or more, each once"):
            write_comparison(folders, tmp_path / "both.html")
