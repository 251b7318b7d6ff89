"""Pool and test set: apart from each other, spread over groups, made once."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write

from al_core.config.structures import RattledStructures
from al_core.config.study import StudyConfig
from al_core.errors import ConfigError
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import LabelKeys, labelled_structures, write_labelled
from al_core.studies.data import (
    check_apart,
    check_pool_size,
    described,
    drawn_of_pool,
    hash_of_test_set,
    hold_out,
    prepare_data,
    unique,
    with_slices,
)
from al_core.studies.workspace import Workspace
from al_core.types import Label
from calculators.base import make_labeler
from calculators.classical.stillinger_weber import stillinger_weber
from tests.helpers import study_config

POOL = {"kind": "md", "seed": 1, "slices": [{"name": "bulk", "count": 4, "temperature_K": 300, "steps": 2}]}
TEST = {**POOL, "seed": 2, "slices": [{"name": "hot", "count": 2, "temperature_K": 900, "steps": 2}]}
study = partial(study_config, pool=POOL, test=TEST)


def structures(groups: dict[str, int]) -> list[Atoms]:
    names = [name for name, count in groups.items() for _ in range(count)]
    return [
        Atoms(
            "Ge2",
            [[0.0, 0.0, 0.0], [0.0, 0.0, 2 + 0.1 * number]],
            cell=[9, 9, 30],
            pbc=True,
            info={"config_type": name},
        )
        for number, name in enumerate(names)
    ]


class _Counted:
    """The neutral potential, with a count of how often one was made."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, element: str) -> Any:
        self.calls += 1
        return stillinger_weber(element)


def prepare(config: StudyConfig, out: Path, potential: Callable[[str], Any] = stillinger_weber) -> Any:
    labeler = make_labeler(config.labeler).identity()
    return prepare_data(config, Workspace(out), potential, lambda done, total: None, labeler)


# ---- holding out -----------------------------------------------------------------------------------------------------


def test_what_is_held_out_is_spread_over_the_groups_in_proportion() -> None:
    pool = structures({"a": 60, "b": 30, "c": 10})
    rest, held = hold_out(pool, 10, seed=0)
    assert Counter(atoms.info["config_type"] for atoms in held) == {"a": 6, "b": 3, "c": 1}
    assert len(rest) == 90
    assert {structure_id(atoms) for atoms in rest + held} == {structure_id(atoms) for atoms in pool}


def test_every_group_gives_one_while_there_are_enough() -> None:
    pool = structures({"large": 97, "rare": 1, "rarer": 2})
    _, held = hold_out(pool, 3, seed=0)
    assert Counter(atoms.info["config_type"] for atoms in held) == {"large": 1, "rare": 1, "rarer": 1}
    _, fewer = hold_out(pool, 2, seed=0)
    assert "large" in {atoms.info["config_type"] for atoms in fewer}


def test_a_group_that_is_used_up_is_filled_from_the_others() -> None:
    _, held = hold_out(structures({"a": 3, "b": 3}), 5, seed=0)
    assert len({structure_id(atoms) for atoms in held}) == 5


def test_the_seed_decides_what_is_held_out() -> None:
    pool = structures({"a": 30, "b": 30})
    ids = [[structure_id(atoms) for atoms in hold_out(pool, 6, seed)[1]] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]
    # not simply the first ones of the file
    assert ids[0] != [structure_id(atoms) for atoms in (*pool[:3], *pool[30:33])]


@pytest.mark.parametrize("size", [4, 5])
def test_the_pool_cannot_be_held_out_whole(size: int) -> None:
    with pytest.raises(ConfigError, match=f"{size} of 4 structures cannot be held out"):
        hold_out(structures({"a": 4}), size, seed=0)


# ---- checks ----------------------------------------------------------------------------------------------------------


def test_a_test_structure_in_the_pool_is_reported() -> None:
    pool = structures({"a": 4})
    check_apart(pool[:2], pool[2:])
    copy = pool[1].copy()
    copy.info = {}
    with pytest.raises(ConfigError, match=rf"1 of its structures are in the pool too.*{structure_id(copy)}"):
        check_apart(pool, [copy])


def test_a_copy_of_a_pool_structure_is_reported_with_its_distance(crystals: Any) -> None:
    frames = crystals("Ge", 12, seed=0)
    pool, test = frames[:8], frames[8:]
    check_apart(pool, test)
    test[2] = pool[5].copy()
    test[2].positions[0] += [0.02, 0, 0]
    message = rf"structure 2 \({structure_id(test[2])}\) is a copy of structure 5 of the pool .* 0\.007 Å apart"
    with pytest.raises(ConfigError, match=message):
        check_apart(pool, test)


def test_pool_and_test_set_of_one_seed_and_one_start_are_apart(tmp_path: Path) -> None:
    """Slices that differ in temperature only began with the same cells and displacements."""
    cold, warm = ([{"name": "x", "count": 3, "temperature_K": kelvin, "steps": 2}] for kelvin in (300, 320))
    config = study(pool={"kind": "md", "slices": cold}, test={"kind": "md", "slices": warm})
    prepare(config, tmp_path)
    pool, test = (read(tmp_path / name, ":") for name in ("pool.extxyz", "test_structures.extxyz"))
    assert min(np.abs(one.cell - other.cell).max() for one in pool for other in test) > 0.01


def test_a_pool_smaller_than_the_largest_budget_is_reported() -> None:
    check_pool_size(["a", "b"], study())
    with pytest.raises(ConfigError, match="the largest is 2, the pool has 1"):
        check_pool_size(["a"], study())
    check_pool_size(["a"] * 4, study(pool_share=0.5))
    with pytest.raises(ConfigError, match=r"the pool has 3 structures, and each seed 0.5 of them \(pool_share\)"):
        check_pool_size(["a"] * 3, study(pool_share=0.5))


def test_slices_that_an_acquisition_selects_from_are_there_and_large_enough() -> None:
    config = study(acquisitions=["random", {"kind": "random", "name": "cold", "slices": ["300K", "400K"]}])
    check_pool_size(["300K", "400K", "900K"], config)
    message = r"cold selects from slice '400K', which the pool does not have.* \(known: 300K, 900K\)"
    with pytest.raises(ConfigError, match=message):
        check_pool_size(["300K", "300K", "900K"], config)
    twice = study(acquisitions=[{"kind": "random", "slices": ["300K", "300K"]}])
    with pytest.raises(ConfigError, match=r"the largest is 2, the slices of random \(300K, 300K\) have 1 structures"):
        check_pool_size(["300K", "900K", "900K"], twice)


def test_every_seeds_share_of_the_slices_is_large_enough() -> None:
    hot = [{"kind": "random", "slices": ["hot"]}]
    slices = ["hot"] * 4 + ["cold"] * 6
    check_pool_size(slices, study(pool_share=0.5, acquisitions=hot, seeds=[1]))
    fewest = min(sum(slices[n] == "hot" for n in drawn_of_pool(10, 0.5, seed)) for seed in range(20))
    assert fewest < 2
    message = rf"have 4 structures, and the seed with the fewest {fewest} of them \(pool_share=0.5\)"
    with pytest.raises(ConfigError, match=message):
        check_pool_size(slices, study(pool_share=0.5, acquisitions=hot, seeds=list(range(20))))


def test_repetitions_are_left_out() -> None:
    pool = structures({"a": 3})
    assert [structure_id(atoms) for atoms in unique([*pool, pool[1].copy()])] == [structure_id(atoms) for atoms in pool]


def test_slices_come_from_the_named_key() -> None:
    found = with_slices([Atoms("Ge", info={"temperature": 300}), Atoms("Ge")], "temperature")
    assert [atoms.info["config_type"] for atoms in found] == ["300", "all"]


# ---- preparing -------------------------------------------------------------------------------------------------------


def test_data_are_made_once(tmp_path: Path) -> None:
    potential = _Counted()
    first = prepare(study(), tmp_path, potential)
    made = potential.calls
    assert made == 6
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert prepare(study(), tmp_path, potential) == first
    assert potential.calls == made
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_the_same_inputs_give_the_same_data_elsewhere(tmp_path: Path) -> None:
    assert prepare(study(), tmp_path / "a") == prepare(study(), tmp_path / "b")


def test_the_ids_are_those_of_the_files(tmp_path: Path) -> None:
    data = prepare(study(), tmp_path)
    assert (len(data.pool), len(data.test), data.unlabelled_test) == (4, 2, True)
    pool, test = (read(tmp_path / name, ":") for name in ("pool.extxyz", "test_structures.extxyz"))
    assert tuple(structure_id(atoms) for atoms in pool) == data.pool
    assert tuple(structure_id(atoms) for atoms in test) == data.test
    assert [atoms.info["config_type"] for atoms in (*pool, *test)] == ["bulk"] * 4 + ["hot"] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"pool": {**POOL, "seed": 5}},
        {"test": {**TEST, "seed": 5}},
        {"test": {**TEST, "lattice_scale": 1.05}},
    ],
)
def test_other_inputs_give_other_data(tmp_path: Path, changes: dict[str, Any]) -> None:
    first = prepare(study(), tmp_path)
    Workspace(tmp_path).test.write_text("labels of the test set before")
    second = prepare(study(**changes), tmp_path)
    assert second != first
    assert not Workspace(tmp_path).test.exists()
    assert prepare(study(), tmp_path) == first  # and back


def test_another_labeler_labels_the_test_set_again(tmp_path: Path) -> None:
    """Test labels of one level of theory must not judge models of another."""
    prepare(study(), tmp_path)
    Workspace(tmp_path).test.write_text("labels by Stillinger-Weber")
    prepare(study(labeler={"kind": "gpaw"}), tmp_path)
    assert not Workspace(tmp_path).test.exists()


def test_files_that_were_deleted_are_made_again(tmp_path: Path) -> None:
    first = prepare(study(), tmp_path)
    for name in ("pool.extxyz", "test_structures.extxyz"):
        (tmp_path / name).unlink()
        assert prepare(study(), tmp_path) == first
        assert (tmp_path / name).exists()


def test_data_that_were_interrupted_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of another config's files must not be taken for this config's."""
    from al_core.studies import data as module

    first = prepare(study(), tmp_path)

    def killed(path: Path, value: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(study(pool={**POOL, "seed": 5}), tmp_path)
    monkeypatch.undo()
    assert prepare(study(), tmp_path) == first
    assert tuple(structure_id(atoms) for atoms in read(tmp_path / "pool.extxyz", ":")) == first.pool


@pytest.fixture
def labelled_file(tmp_path: Path, crystals: Any, sw_label: Any) -> Path:
    path = tmp_path / "labelled.extxyz"
    write_labelled(path, [(atoms, sw_label(atoms)) for atoms in crystals("Ge", 8, seed=3)])
    return path


def test_a_test_set_from_a_file_comes_with_its_labels(tmp_path: Path, labelled_file: Path) -> None:
    config = study(test={"kind": "file", "path": str(labelled_file)})
    data = prepare(config, tmp_path / "out")
    workspace = Workspace(tmp_path / "out")
    assert not data.unlabelled_test
    want, got = labelled_structures(labelled_file, LabelKeys()), labelled_structures(workspace.test, LabelKeys())
    for (atoms, label), (copy, found) in zip(want, got, strict=True):
        assert structure_id(atoms) == structure_id(copy)
        assert found.energy == pytest.approx(label.energy)
        np.testing.assert_allclose(found.forces, label.forces, atol=1e-7)
    workspace.test.unlink()
    prepare(config, workspace.out)
    assert workspace.test.exists()


def test_a_file_with_other_content_gives_other_data(tmp_path: Path, labelled_file: Path) -> None:
    config = study(test={"kind": "file", "path": str(labelled_file)})
    first = prepare(config, tmp_path / "out")
    before = hash_of_test_set(Workspace(tmp_path / "out"))
    labelled = labelled_structures(labelled_file, LabelKeys())
    write_labelled(labelled_file, labelled[:-1])
    assert prepare(config, tmp_path / "out").test == first.test[:-1]
    # the same structures with another label are another test set too
    atoms, label = labelled[0]
    write_labelled(labelled_file, [(atoms, Label(label.energy + 1, label.forces)), *labelled[1:]])
    assert prepare(config, tmp_path / "out").test == first.test
    assert hash_of_test_set(Workspace(tmp_path / "out")) != before


def test_a_holdout_is_taken_out_of_the_pool(tmp_path: Path, labelled_file: Path) -> None:
    config = study(pool={"kind": "file", "path": str(labelled_file)}, test={"kind": "holdout", "size": 2})
    data = prepare(config, tmp_path / "out")
    assert (len(data.pool), len(data.test)) == (6, 2)
    assert not set(data.pool) & set(data.test)
    assert data.unlabelled_test
    held_out = read(tmp_path / "out" / "test_structures.extxyz", ":")
    assert {atoms.info["config_type"] for atoms in held_out} == {"group0", "group1"}
    assert all("REF_energy" not in atoms.info for atoms in read(tmp_path / "out" / "pool.extxyz", ":"))


def test_the_pool_as_test_set_is_reported_and_leaves_nothing(tmp_path: Path, labelled_file: Path) -> None:
    same = {"kind": "file", "path": str(labelled_file)}
    with pytest.raises(ConfigError, match="in the pool too"):
        prepare(study(pool=same, test=same), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_pool_may_be_a_part_of_a_large_file(tmp_path: Path) -> None:
    write(tmp_path / "long.extxyz", structures({"hot": 40}))
    pool = {"kind": "file", "path": str(tmp_path / "long.extxyz")}
    everything = study_config(pool=pool, test={"kind": "holdout", "size": 2})
    few = study_config(pool={**pool, "at_most": 12}, test={"kind": "holdout", "size": 2})
    found = prepare(few, tmp_path / "few")
    assert (len(found.pool), len(found.test)) == (10, 2)
    assert "at_most" not in described(everything.pool), "a study of before is found again"


def test_rattled_structures_are_known_by_the_content_of_their_crystals_file(tmp_path: Path) -> None:
    slices = [{"name": "warm", "count": 1, "rattle_A": 0.05}]
    found = []
    for a in (5.6, 5.7):
        write(tmp_path / "crystal.cif", bulk("Ge", "diamond", a=a))
        settings = RattledStructures(crystal={"path": tmp_path / "crystal.cif"}, slices=slices)
        found.append(described(settings)["crystal"]["path"])
    assert found[0] != found[1]
