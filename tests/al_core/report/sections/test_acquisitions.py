"""What acquisitions save: made-up curves whose labels and prices at equal error are known."""

from dataclasses import replace

import pytest

from al_core.report.overview import overview
from al_core.report.sections.acquisitions import acquisition_tables, acquisitions_section
from al_core.report.tables import Cell
from al_core.studies.results import StudyResults
from tests.al_core.report.studies import FORCE, study

FACTOR = 0.51  # of the errors of `uncertainty`: as they fall with the root of the labels, it needs 26 % of them


def _results(prices: bool = True) -> StudyResults:
    """Without noise; `uncertainty` has half the errors, on one slice even less, and its labels cost twice as much."""
    made = study(noise=0.0, keep=lambda row: row.comparison == "own")
    rows = []
    for row in made.rows:
        good = row.acquisition == "uncertainty"
        factors = {name: (FACTOR if good else 1.0) * (0.1 if good and name == "300K" else 1.0) for name in row.metrics}
        metrics = {name: {**values, FORCE: factors[name] * values[FORCE]} for name, values in row.metrics.items()}
        labels = tuple(f"{row.acquisition}-{row.seed}-{number}" for number in range(row.budget))
        rows.append(replace(row, metrics=metrics, labels=labels))
    known = {key: 20.0 if key.startswith("uncertainty") else 10.0 for row in rows for key in row.labels}
    return replace(made, rows=tuple(rows), ledger={**made.ledger, **({"prices": known} if prices else {})})


def _texts(results: StudyResults) -> dict[str, dict[str, list[str]]]:
    """{title: {arm: the cells of `uncertainty`}}"""
    tables = acquisition_tables(overview(results))
    found = {}
    for title, table in tables:
        assert table.columns == ("1", "2", "4", "8")
        assert [[name for name, _ in group.rows] for group in table.groups] == [["uncertainty"]] * 3
        found[title] = {group.title: [cell.main for cell in group.rows[0][1]] for group in table.groups}
    return found


def test_labels_and_core_seconds_at_equal_error() -> None:
    found = _texts(_results())
    mean = ["≤\xa0100\xa0%", "≤\xa050\xa0%", "26\xa0%", "26\xa0%"]
    assert found["Force MAE, mean of slices: labels"] == dict.fromkeys(("scratch", "transfer", "rescaled"), mean)
    assert found["Force MAE, worst slice: labels"]["rescaled"] == mean, "the last slice is the worst of both"
    assert found["Force MAE, mean of slices: core-seconds"]["rescaled"][2:] == ["52\xa0%", "52\xa0%"]


def test_without_prices_or_with_one_for_all_there_are_labels_only() -> None:
    same = _results()
    same = replace(same, ledger={"prices": dict.fromkeys(same.ledger["prices"], 10.0)})
    for results in (_results(prices=False), same):
        assert list(_texts(results)) == [
            "Force MAE, mean of slices: labels",
            "Force MAE, worst slice: labels",
        ]


def test_the_interval_is_over_seeds_and_what_costs_more_is_marked() -> None:
    results = _results()
    other = {"random": "uncertainty", "uncertainty": "random"}
    swapped = [replace(row, acquisition=other[row.acquisition]) for row in results.rows]
    worse = acquisition_tables(overview(replace(results, rows=tuple(swapped))))[0][1].groups[0].rows[0][1]
    assert [cell.main for cell in worse] == ["384\xa0%", "384\xa0%", ">\xa0200\xa0%", ">\xa0100\xa0%"]
    assert worse[0].small == "95\xa0%:\xa0384\xa0to\xa0384"
    assert all(cell.worse for cell in worse), "where it is never reached, too"


def test_where_random_draws_do_not_improve_nothing_is_saved() -> None:
    """With eight labels they are as good as with one: one label of any acquisition would need 12 % of them."""
    results = _results()
    first = {(r.arm, r.seed): r.metrics for r in results.rows if r.acquisition == "random" and r.budget == 1}
    worse = [
        replace(row, metrics=first[row.arm, row.seed]) if (row.acquisition, row.budget) == ("random", 8) else row
        for row in results.rows
    ]
    cells = _texts(replace(results, rows=tuple(worse)))["Force MAE, mean of slices: labels"]["rescaled"]
    assert cells[:3] == ["≤\xa0100\xa0%", "≤\xa050\xa0%", "26\xa0%"]
    assert cells[3] == Cell().main


@pytest.mark.parametrize("kept", ["random", "uncertainty"])
def test_a_study_of_one_acquisition_has_no_such_section(kept: str) -> None:
    results = study(keep=lambda row: row.acquisition == kept)
    alone = replace(results, config={**results.config, "acquisitions": [{"kind": kept}]})
    assert acquisitions_section(overview(alone)) is None


def test_an_acquisition_is_compared_with_random_draws_from_the_same_slices() -> None:
    results = _results()
    sliced = {"kind": "random", "slices": ["300K"]}
    alone = replace(results, config={**results.config, "acquisitions": [sliced, {"kind": "uncertainty"}]})
    assert acquisitions_section(overview(alone)) is None
    same = [sliced, {"kind": "uncertainty", "slices": ["300K"]}]
    assert _texts(replace(results, config={**results.config, "acquisitions": same})) == _texts(results)


def test_two_baselines_are_told_apart() -> None:
    results = _results()
    rows = [replace(row, acquisition=f"{row.acquisition}_shifted") for row in results.rows]
    given = [{"kind": kind, "name": f"{kind}_shifted", "slices": ["300K"]} for kind in ("random", "uncertainty")]
    both = {**results.config, "acquisitions": [*results.config["acquisitions"], *given]}
    tables = acquisition_tables(overview(replace(results, rows=(*results.rows, *rows), config=both)))
    assert [title for title, _ in tables if "mean of slices: labels" in title] == [
        "Force MAE, mean of slices: labels, against random",
        "Force MAE, mean of slices: labels, against random_shifted",
    ]
    shifted = [table for title, table in tables if title.endswith("random_shifted")]
    assert {name for table in shifted for group in table.groups for name, _ in group.rows} == {"uncertainty_shifted"}
    assert shifted[0].corner == "error of random_shifted with"
