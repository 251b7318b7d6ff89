"""What a finished smoke study says: its cells, labels, models, ledger and report."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from al_core.labels.store import LabelStore
from al_core.report.numbers import number
from al_core.storage.files import read_json
from al_core.structures.datasets import LabelKeys, labelled_structures
from al_core.studies.pool_map import read_pool_map, selected_structures
from al_core.studies.predictions import PredictionReader, by_slice
from al_core.studies.results import METRICS, Row, StudyResults
from tests.flows.study.smoke import ACQUISITIONS, ARMS, BUDGETS, SMOKE, rows_at

pytestmark = [pytest.mark.train]


def test_the_config_is_what_these_tests_take_it_for() -> None:
    config = yaml.safe_load(SMOKE.read_text())
    assert (tuple(config["arms"]), tuple(config["acquisitions"])) == (ARMS, ACQUISITIONS)
    assert (tuple(config["budgets"]), config["seeds"]) == (BUDGETS, [0])
    assert re.search(r"^budgets: \[.*\]$", SMOKE.read_text(), re.MULTILINE), "on one line, to be edited by a script"


def test_every_cell_of_the_grid_has_its_errors(results: StudyResults) -> None:
    assert results.complete
    assert len(results.rows) == 36
    places = {(row.comparison, row.acquisition, row.arm, row.budget) for row in results.rows}
    assert places == {(c, a, arm, b) for c in ("shared", "own") for a in ACQUISITIONS for arm in ARMS for b in BUDGETS}
    for row in results.rows:
        assert set(row.metrics) == {"all", "diamond_600K", "strained"}
        for values in row.metrics.values():
            assert all(np.isfinite(values[metric]) for metric in METRICS)
            assert [metric for metric in METRICS if values[metric] <= 0] in ([], ["pressure_bias_GPa"])
        assert row.metrics["all"]["n_structures"] == 4
        assert len(row.members) == 2


def test_a_budget_is_a_number_of_labels_and_the_sets_are_nested(results: StudyResults) -> None:
    chains: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in results.rows:
        assert len(set(row.labels)) == len(row.labels) == row.budget
        chains[row.comparison, row.acquisition, row.arm].append(row)
    assert len(chains) == 12
    for rows in chains.values():
        smaller: set[str] = set()
        for row in sorted(rows, key=lambda one: one.budget):
            assert smaller < set(row.labels)
            smaller = set(row.labels)


def test_in_the_shared_comparison_all_arms_have_the_same_labels(results: StudyResults) -> None:
    for acquisition in ACQUISITIONS:
        for budget in BUDGETS:
            rows = rows_at(results, comparison="shared", acquisition=acquisition, budget=budget)
            assert {row.arm for row in rows} == set(ARMS)
            assert len({row.labels for row in rows}) == 1


def test_what_is_the_same_in_both_comparisons_is_one_cell(results: StudyResults) -> None:
    for budget in BUDGETS:
        for arm in ARMS:
            cells = {row.model for row in rows_at(results, acquisition="random", arm=arm, budget=budget)}
            assert len(cells) == 1, "random labels are the same for every arm"
        # the leader, the last arm, chooses for all
        by_leader = rows_at(results, acquisition="uncertainty", arm="rescaled", budget=budget)
        assert len({row.model for row in by_leader}) == 1


def test_a_committee_that_knows_nothing_chooses_at_random(results: StudyResults) -> None:
    (asked,) = rows_at(results, comparison="own", acquisition="uncertainty", arm="scratch", budget=1)
    (drawn,) = rows_at(results, comparison="own", acquisition="random", arm="scratch", budget=1)
    assert asked.labels == drawn.labels


def test_the_first_choice_is_what_the_committee_is_least_sure_of(finished: Path, results: StudyResults) -> None:
    """Worked out again from the arm's start, with nothing of the study but its source and its pool."""
    from al_core.models.arms import ARMS as STARTS
    from al_core.models.bundle import load_bundle
    from al_core.models.committee import committee_folders
    from al_core.models.engine.stack import pick_device
    from al_core.models.prediction import predict
    from al_core.storage.hashing import structure_id
    from al_core.structures.datasets import read_structures

    (found,) = (path.parent for path in (finished / "source").rglob("committee.json"))
    source = [load_bundle(folder) for folder in committee_folders(found)]
    pool = read_structures(finished / "pool.extxyz")
    starts = STARTS["rescaled"](source, [], "Ge", 0, pick_device("cpu"))
    forces = predict(starts, pool, pick_device("cpu")).forces
    unsure = [np.sqrt(np.var(one, axis=0).sum(axis=1)).max() for one in forces]
    (row,) = rows_at(results, comparison="own", acquisition="uncertainty", arm="rescaled", budget=1)
    assert row.labels[0].startswith(f"L{structure_id(pool[int(np.argmax(unsure))])}-")


def _models(rows: Iterable[Row]) -> set[str]:
    """Return the model keys of rows and of the baselines on the same labels."""
    return {key for row in rows for key in (row.model, row.baseline_model) if key}


def test_every_transfer_has_its_baseline(results: StudyResults) -> None:
    by_model = {row.model: row for row in results.rows}
    for row in results.rows:
        assert row.baseline_model, "scratch is trained on every set of labels"
        assert (row.baseline_model == row.model) == (row.arm == "scratch")
        assert row.baseline_metrics["all"]["n_structures"] == 4
        if row.baseline_model in by_model:
            assert set(by_model[row.baseline_model].labels) == set(row.labels)


def test_the_errors_are_those_of_the_models_that_were_kept(finished: Path, results: StudyResults) -> None:
    from al_core.models.bundle import load_bundle
    from al_core.models.committee import committee_folders
    from al_core.models.engine.stack import pick_device
    from al_core.models.prediction import predict

    test = labelled_structures(finished / "test.extxyz", LabelKeys())
    models = {path.name for path in (finished / "models").iterdir()}
    assert models == _models(results.rows)
    for arm in ARMS:
        (row,) = rows_at(results, comparison="own", acquisition="uncertainty", arm=arm, budget=4)
        committee = [load_bundle(folder) for folder in committee_folders(finished / "models" / row.model)]
        assert [bundle.elements for bundle in committee] == [("Ge",), ("Ge",)]
        assert {bundle.info["training"]["n_labels"] for bundle in committee} == {4}
        predictions = predict(committee, [atoms for atoms, _ in test], pick_device("cpu"))
        errors = [f.mean(axis=0) - label.forces for f, (_, label) in zip(predictions.forces, test, strict=True)]
        mae = 1e3 * np.abs(np.concatenate(errors)).mean()
        assert row.metrics["all"]["force_mae_meV_per_A"] == pytest.approx(mae, rel=1e-3)


def test_every_model_loads(finished: Path) -> None:
    from al_core.models.bundle import load_bundle

    folders = [path.parent for path in finished.rglob("model.json")]
    assert len(folders) == 2 * (1 + len(list((finished / "models").iterdir())))
    assert {load_bundle(folder).elements for folder in folders} == {("Si",), ("Ge",)}


def test_the_ledger_is_what_the_study_asked_for(finished: Path, results: StudyResults) -> None:
    entries = LabelStore(finished / "labels.db").entries()
    spent = results.ledger
    assert {entry.state for entry in entries} == {"done"}
    assert {entry.attempts for entry in entries} == {1}
    assert (spent["labels_done"], spent["labels_failed"], spent["test_labels"]) == (len(entries), 0, 4)
    assert (spent["labels_asked"], spent["labels_reused"], spent["store_labels"]) == (len(entries), 0, len(entries))
    assert spent["label_core_seconds"] == pytest.approx(sum(entry.core_seconds for entry in entries))
    used = {key for row in results.rows for key in row.labels}
    test = {entry.key for entry in entries} - used
    assert len(test) == 4, "a label that no cell and no test structure asked for"
    for part in spent["per_budget"]:
        upto = [row for row in results.rows if row.budget <= part["budget"]]
        assert part["labels"] == len({key for row in upto for key in row.labels})
        records = [read_json(finished / "models" / key / "training.json") for key in _models(upto)]
        assert part["training_core_seconds"] == pytest.approx(sum(one["core_seconds"] for one in records))
    assert spent["training_core_seconds"] == pytest.approx(spent["per_budget"][-1]["training_core_seconds"])


def test_labels_are_those_of_the_labeler(finished: Path, sw_label: Any) -> None:
    for entry in LabelStore(finished / "labels.db").entries():
        expected = sw_label(entry.atoms)
        assert entry.label is not None
        assert entry.label.energy == pytest.approx(expected.energy)
        np.testing.assert_allclose(entry.label.forces, expected.forces, atol=1e-8)


def test_the_report_has_every_number_and_needs_no_network(finished: Path, results: StudyResults) -> None:
    page = (finished / "report.html").read_text()
    for row in results.rows:  # there is one seed: the mean is the value
        for metric in ("force_mae_meV_per_A", "energy_mae_meV_per_atom"):
            value = number(row.metrics["all"][metric])
            assert re.search(rf">\s*{re.escape(value)}\b", page), (row.arm, row.acquisition, row.budget, metric, value)
    for text in ("scratch", "transfer", "rescaled", results.provenance["test set"]["sha256"], "si-sw-tiny"):
        assert text in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?https?:", page)


def test_the_provenance_names_what_the_results_were_made_from(finished: Path, results: StudyResults) -> None:
    from al_core.storage.hashing import file_sha256

    found = results.provenance
    assert found["test set"] == {"structures": 4, "sha256": file_sha256(finished / "test.extxyz")}
    assert found["pool"]["structures"] == 8
    assert found["labeler"]["kind"] == "stillinger_weber"
    assert found["versions"]["mace-torch"] != "not installed"


def test_pool_and_test_set_are_mapped_and_the_predictions_kept(finished: Path, results: StudyResults) -> None:
    found = read_pool_map(finished)
    assert found is not None
    assert (len(found.pool), len(found.test)) == (8, 4)
    (random,) = (one for one in selected_structures(results.rows) if one.title == "random")
    assert set(random.budgets) <= {point.structure for point in found.pool}
    assert sorted(random.budgets.values()) == [1, 2, 4, 4]
    cells = PredictionReader(finished).at_largest_budget(results.rows, "shared", "random")
    assert [cell.arm for cell in cells] == list(ARMS)
    for cell, row in zip(
        cells, rows_at(results, comparison="shared", acquisition="random", budget=BUDGETS[-1]), strict=True
    ):
        slices = [1e3 * np.mean([one.force_mae for one in some]) for some in by_slice(cell.structures).values()]
        assert np.mean(slices) == pytest.approx(row.metrics["all"]["force_mae_meV_per_A"], rel=1e-4)
