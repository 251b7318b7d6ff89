"""Heat maps of errors by what was trained on and what was tested on."""

import numpy as np
import pytest

from al_core.report.overview import overview
from al_core.report.sections.temperature import temperature_section
from al_core.studies.results import Row, StudyResults
from tests.al_core.report.studies import drawn

FORCE = "force_mae_meV_per_A"
CONFIG = {
    "comparisons": ["shared", "own"],
    "acquisitions": [
        {"kind": "random", "name": "cold", "slices": ["300K"]},
        {"kind": "random", "name": "hot", "slices": ["900K", "1500K"]},
        {"kind": "random"},
    ],
}
ERRORS = {"cold": (10.0, 40.0), "hot": (25.0, 20.0), "random": (12.0, 22.0)}


def results(arms: tuple[str, ...] = ("scratch", "transfer"), **config: object) -> StudyResults:
    """A study in which the second arm has half the errors of the first."""
    rows = []
    for comparison in ("shared", "own"):
        for number, arm in enumerate(arms):
            for acquisition, (cold, hot) in ERRORS.items():
                for budget, factor in ((2, 3.0), (8, 1.0 if comparison == "shared" else 9.0)):
                    values = [factor * error / 2**number for error in (cold, hot)]
                    metrics = {name: {FORCE: value} for name, value in zip(("300K", "900K"), values, strict=True)}
                    metrics |= {"all": {FORCE: sum(values) / 2}}
                    rows.append(Row(comparison, arm, acquisition, 0, budget, "m", metrics, (), (), 1.0))
    return StudyResults("t", {**CONFIG, **config}, {}, tuple(rows), len(rows))


def test_each_arm_has_a_panel_with_its_errors_at_the_largest_budget() -> None:
    found = temperature_section(overview(results()))
    assert found is not None
    (figure,) = drawn(found)
    assert [one["text"] for one in figure["layout"]["annotations"]] == ["scratch", "transfer"]
    scratch, transfer = figure["data"]
    assert scratch["x"] == ["300K", "900K"]
    assert scratch["y"] == ["300K", "900K, 1500K", "all slices"]
    np.testing.assert_allclose(10 ** np.array(scratch["z"]), list(ERRORS.values()))
    np.testing.assert_allclose(10 ** np.array(transfer["z"]), np.array(list(ERRORS.values())) / 2)
    assert scratch["text"] == [["<b>10.0</b>", "40.0"], ["25.0", "<b>20.0</b>"], ["12.0", "22.0"]]
    assert {trace["coloraxis"] for trace in figure["data"]} == {"coloraxis"}, "the same colours"
    assert "with 8 labels, mean over 1 seed:" in found.html
    assert "transfer, trained on 900K, 1500K: 12.5 meV/Å on 300K, 10.0 meV/Å on 900K." in found.html


@pytest.mark.parametrize("count", [1, 5])
def test_any_number_of_arms_has_room(count: int) -> None:
    found = temperature_section(overview(results(tuple("abcde"[:count]))))
    assert found is not None
    assert len(drawn(found)[0]["data"]) == count


def test_a_study_without_slices_or_without_cells_has_no_section() -> None:
    assert temperature_section(overview(results(acquisitions=[{"kind": "random"}]))) is None
    assert temperature_section(overview(StudyResults("t", CONFIG, {}, (), 0))) is None
