"""Pool, test set, budgets and data sets that do not fit each other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ase.io import write

import al_core.structures.datasets
from al_core.storage.hashing import file_sha256
from tests.bad_input.inputs import Refused, bundles, file_of, germanium, labelled


def test_a_budget_larger_than_a_sampled_pool_is_refused(refused_study: Refused) -> None:
    message = refused_study("budgets=[1, 11]")
    assert "budgets: the largest is 11, the pool has 10 structures; lower it or enlarge the pool" in message


def test_a_budget_larger_than_a_pool_from_a_file_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(3)))
    assert "budgets: the largest is 4, the pool has 3 structures" in refused_study(f"pool={pool}")


def test_a_structure_that_stands_twice_in_a_pool_counts_once(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(3)), germanium(0), germanium(1))
    assert "budgets: the largest is 4, the pool has 3 structures" in refused_study(f"pool={pool}")


def test_a_budget_larger_than_what_is_left_of_the_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(6)))
    message = refused_study(f"pool={pool}", "test={kind: holdout, size: 3}")
    assert "budgets: the largest is 4, the pool has 3 structures" in message


def test_holding_out_the_whole_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(4)))
    message = refused_study(f"pool={pool}", "test={kind: holdout, size: 4}")
    assert "test.size: 4 of 4 structures cannot be held out" in message


def test_holding_out_of_a_pool_that_is_yet_to_be_sampled_is_refused(refused_study: Refused) -> None:
    assert "test.kind: holdout takes structures from a pool of kind file" in refused_study(
        "test={kind: holdout, size: 2}"
    )


def test_dividing_by_what_labels_cost_is_refused_where_they_cost_nothing(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(6)))
    message = refused_study(
        f"pool={pool}",
        f"labeler={{kind: dataset, {pool.removeprefix('{kind: file, ')}",
        "acquisitions=[{kind: variance_reduction, per_cost: true}]",
    )
    assert "acquisitions: variance_reduction has per_cost, and labels of kind dataset are looked up" in message


def test_an_oracle_is_refused_where_labels_are_computed(refused_study: Refused) -> None:
    message = refused_study("acquisitions=[random, {kind: error_oracle, name: truth}]")
    assert "acquisitions: truth: the oracle needs the labels of all candidates, and labels of kind" in message


def test_an_oracle_is_refused_where_candidates_are_explored(refused: Refused) -> None:
    Path("grow.yaml").write_text(
        "{name: grown, target: Ge, source: {kind: bundles, path: source}, labeler: stillinger_weber, committee: 2, "
        "acquisition: error_oracle}"
    )
    bundles("source", "Si", "Si")
    message = refused("grow", "grow.yaml", "--out", "out")
    assert "acquisition: error_oracle is for studies of labels that are there; use another" in message


def test_an_oracle_is_accepted_where_labels_are_looked_up(good_study: Callable[..., None]) -> None:
    pool = file_of("pool.extxyz", *map(labelled, range(6)))
    labeler = f"labeler={{kind: dataset, {pool.removeprefix('{kind: file, ')}"
    test = file_of("test.extxyz", *map(labelled, range(7, 9)))
    good_study(f"pool={pool}", f"test={test}", labeler, "acquisitions=[random, error_oracle]")


@pytest.mark.parametrize("pool", ["sampled", "of a file"])
def test_slices_to_select_from_that_the_pool_lacks_are_refused(refused_study: Refused, pool: str) -> None:
    changes = []
    if pool == "of a file":
        structures = [germanium(number) for number in range(10)]
        for number, atoms in enumerate(structures):
            atoms.info["config_type"] = "hot" if number < 4 else "cold"
        changes = [f"pool={file_of('pool.extxyz', *structures)}"]
    message = refused_study(*changes, "acquisitions=[{kind: random, slices: [colt]}]")
    assert "acquisitions: random selects from slice 'colt', which the pool does not have" in message
    assert "did you mean 'cold'? (known: cold, hot)" in message
    message = refused_study(*changes, "budgets=[5]", "acquisitions=[random, {kind: random, name: h, slices: [hot]}]")
    assert "budgets: the largest is 5, the slices of h (hot) have 4 structures" in message


def test_slices_to_select_from_that_the_pool_has_are_accepted(good_study: Callable[..., None]) -> None:
    good_study("acquisitions=[random, {kind: uncertainty, name: h, slices: [hot]}]")


def test_a_test_structure_in_the_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(5)))
    test = file_of("test.extxyz", labelled(9), labelled(3))
    message = refused_study(f"pool={pool}", f"test={test}")
    assert "test: 1 of its structures are in the pool too" in message
    assert "test data must be unseen" in message


def test_a_copy_of_a_pool_structure_is_refused_before_anything_is_computed(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(5)))
    copy = labelled(3)
    copy.positions[0] += [0.02, 0, 0]
    test = file_of("test.extxyz", labelled(9), copy)
    assert "test: structure 1 (" in (message := refused_study(f"pool={pool}", f"test={test}"))
    assert "is a copy of structure 3 of the pool" in message


def test_a_test_structure_that_the_source_was_trained_on_is_refused(refused_study: Refused) -> None:
    source = file_of("source.extxyz", *map(labelled, range(5)))
    test = file_of("test.extxyz", labelled(9), labelled(3))
    germanium_source = (f"source.structures={source}", "source.element=Ge", "source.labeler=null")
    assert "1 of its structures are in what source was trained on too" in refused_study(
        f"test={test}", *germanium_source
    )


def test_a_held_out_structure_that_the_source_was_trained_on_is_refused(refused_study: Refused) -> None:
    file = file_of("mine.extxyz", *map(labelled, range(40)))
    germanium_source = (f"source.structures={file}", "source.element=Ge", "source.labeler=null")
    message = refused_study(f"pool={file}", "test={kind: holdout, size: 3}", *germanium_source)
    assert "3 of its structures are in what source was trained on too" in message


def test_what_a_shipped_committee_was_trained_on_is_known(refused_study: Refused) -> None:
    silicon = "{kind: bundled, name: si-train-pbe-2}"
    source = "source={kind: bundled, name: si-pbe-2}"
    own = (f"pool={silicon}", f"labeler={silicon}", "test={kind: holdout, size: 20}")
    assert "20 of its structures are in what source was trained on" in refused_study("target=Si", source, *own)


@pytest.mark.parametrize("key", ["pool", "test", "source.structures"])
def test_two_slices_of_one_name_are_refused(refused_study: Refused, key: str) -> None:
    part = "{name: cold, count: 4, temperature_K: 300}, {name: cold, count: 4, temperature_K: 900}"
    assert f"{key}: two slices are named 'cold'" in refused_study(f"{key}.slices=[{part}]")


def test_a_data_set_without_the_structures_of_the_pool_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(6)))
    test = file_of("test.extxyz", labelled(9))
    file_of("labels.extxyz", *map(labelled, range(5)))
    message = refused_study(f"pool={pool}", f"test={test}", "labeler={kind: dataset, path: labels.extxyz}")
    assert "labeler dataset: structure 5 of the pool: structure " in message
    assert "is not in the data set" in message


def test_a_data_set_cannot_label_structures_that_are_yet_to_be_sampled(refused_study: Refused) -> None:
    file_of("labels.extxyz", labelled(0))
    message = refused_study("labeler={kind: dataset, path: labels.extxyz}")
    assert "labeler dataset looks labels up, and has none of structures that are yet to be sampled; use test" in message


def test_a_shipped_data_set_cannot_either(refused_study: Refused, shipped_test_set: Path) -> None:
    message = refused_study("labeler={kind: bundled, name: ge-fake}")
    assert "labeler bundled looks labels up, and has none of structures that are yet to be sampled" in message


def test_a_labeler_of_a_data_set_that_is_not_shipped_is_refused(refused_study: Refused) -> None:
    pool = file_of("pool.extxyz", *map(germanium, range(6)))
    test = file_of("test.extxyz", labelled(9))
    message = refused_study(f"pool={pool}", f"test={test}", "labeler={kind: bundled, name: ge-dream}")
    assert "no data set 'ge-dream' is shipped (known: " in message


@pytest.fixture
def shipped_test_set(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data sheet of a shipped data set, labelled by GPAW with 400 eV."""
    folder = tmp_path_factory.mktemp("assets") / "data"
    folder.mkdir()
    frames = [labelled(seed) for seed in range(50, 53)]
    for atoms in frames:
        atoms.info["config_type"] = "crystal"
    write(folder / "ge-fake.extxyz", frames, format="extxyz")
    labeler = {"kind": "gpaw", "xc": "PBE", "cutoff_eV": 400.0, "kpt_density": 4.3, "gpaw": "1.0"}
    sheet = {"file": "ge-fake.extxyz", "sha256": file_sha256(folder / "ge-fake.extxyz"), "labeler": labeler}
    (folder / "ge-fake.json").write_text(json.dumps(sheet))
    monkeypatch.setattr(al_core.structures.datasets, "ASSETS", folder.parent)
    return folder / "ge-fake.json"


@pytest.mark.parametrize(
    ("labeler", "different"),
    [
        ("{kind: gpaw, cutoff_eV: 300}", "cutoff_eV 400.0 against 300.0"),
        ("{kind: gpaw, cutoff_eV: 400, xc: LDA}", "xc PBE against LDA"),
        ("stillinger_weber", "kind gpaw against stillinger_weber"),
    ],
)
def test_test_labels_at_another_level_of_theory_than_the_labeler_are_refused(
    refused_study: Refused, shipped_test_set: Path, labeler: str, different: str
) -> None:
    message = refused_study("test={kind: bundled, name: ge-fake}", f"labeler={labeler}")
    assert f"test: ge-fake was labelled with other settings than the study's labeler ({different})" in message


def test_test_labels_at_the_labelers_level_of_theory_are_not_refused(
    good_study: Callable[..., None], shipped_test_set: Path
) -> None:
    good_study("test={kind: bundled, name: ge-fake}", "labeler={kind: gpaw, cutoff_eV: 400}")


def test_a_shipped_pool_brings_its_labels(good_study: Callable[..., None], shipped_test_set: Path) -> None:
    shipped = "{kind: bundled, name: ge-fake}"
    good_study(f"pool={shipped}", "test={kind: holdout, size: 1}", f"labeler={shipped}", "budgets=[1]")


def test_a_shipped_pool_and_a_shipped_test_set_are_compared_by_their_sheets(
    refused_study: Refused, good_study: Callable[..., None], shipped_test_set: Path
) -> None:
    file = shipped_test_set.with_name("ge-pool.extxyz")
    write(file, [labelled(seed) for seed in range(60, 66)], format="extxyz")
    sheet = json.loads(shipped_test_set.read_text()) | {"file": file.name, "sha256": file_sha256(file)}
    pool = "{kind: bundled, name: ge-pool}"
    study = ("test={kind: bundled, name: ge-fake}", f"pool={pool}", f"labeler={pool}")
    file.with_suffix(".json").write_text(json.dumps(sheet))
    good_study(*study)
    sheet["labeler"] = {**sheet["labeler"], "cutoff_eV": 300.0}
    file.with_suffix(".json").write_text(json.dumps(sheet))
    assert "with other settings than the study's labeler (cutoff_eV 400.0 against 300.0)" in refused_study(*study)


def test_a_shipped_data_set_that_was_changed_is_refused(refused_study: Refused, shipped_test_set: Path) -> None:
    with shipped_test_set.with_suffix(".extxyz").open("a") as data:
        data.write(" ")
    message = refused_study("test={kind: bundled, name: ge-fake}", "labeler={kind: gpaw, cutoff_eV: 400}")
    assert "the shipped data set 'ge-fake' is missing or was changed" in message
