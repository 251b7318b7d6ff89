"""The map of pool and test set, and what was selected."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_core.models.bundle import save_bundle
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures, write_labelled
from al_core.studies import pool_map
from al_core.studies.data import write_structures
from al_core.studies.pool_map import (
    MapInputs,
    Selected,
    is_mapped,
    make_pool_map,
    principal_components,
    read_pool_map,
    selected_structures,
)
from al_core.studies.results import Row
from al_core.studies.workspace import Workspace


@pytest.fixture
def inputs(tmp_path: Path, source: Any, crystals: Any, sw_label: Any) -> MapInputs:
    """A folder with four crystals and three liquids, so to say, and two test structures of each."""
    calm, wild = crystals("Ge", 6, seed=1, rattle=0.03), crystals("Ge", 5, seed=2, rattle=0.35)
    for name, group in (("calm", calm), ("wild", wild)):
        for atoms in group:
            atoms.info["config_type"] = name
    workspace = Workspace(tmp_path)
    write_structures(workspace.pool, [*calm[:4], *wild[:3]])
    write_labelled(workspace.test, [(atoms, sw_label(atoms)) for atoms in (*calm[4:], *wild[3:])])
    save_bundle(source[0], tmp_path / "bundle")
    return MapInputs(tmp_path, tmp_path / "bundle", "Ge", "pool", "test", "cpu")


def test_the_map_has_every_structure_and_tells_sorts_apart(inputs: MapInputs, tmp_path: Path) -> None:
    make_pool_map(inputs)
    found = read_pool_map(tmp_path)
    assert found is not None
    for points, file in ((found.pool, "pool.extxyz"), (found.test, "test.extxyz")):
        structures = read_structures(tmp_path / file)
        assert [point.structure for point in points] == [structure_id(atoms) for atoms in structures]
        assert [point.slice for point in points] == [atoms.info["config_type"] for atoms in structures]
    every = (*found.pool, *found.test)
    calm = np.array([[point.x, point.y] for point in every if point.slice == "calm"])
    wild = np.array([[point.x, point.y] for point in every if point.slice == "wild"])
    apart = np.linalg.norm(calm.mean(axis=0) - wild.mean(axis=0))
    assert apart > 2 * np.linalg.norm(calm - calm.mean(axis=0), axis=1).max()
    assert 0.5 < found.explained[0] + found.explained[1] <= 1
    assert found.explained[0] >= found.explained[1]
    np.testing.assert_allclose(np.concatenate([calm, wild]).mean(axis=0), 0, atol=1e-2 * apart)


def test_a_map_is_made_once_and_anew_for_other_inputs(inputs: MapInputs, tmp_path: Path) -> None:
    assert not is_mapped(inputs)
    make_pool_map(inputs)
    assert is_mapped(inputs)
    before = Workspace(tmp_path).pool_map.stat().st_mtime_ns
    make_pool_map(replace(inputs, device="auto"))
    assert Workspace(tmp_path).pool_map.stat().st_mtime_ns == before
    for other in (replace(inputs, pool_hash="other"), replace(inputs, test_hash="other")):
        assert not is_mapped(other)
        make_pool_map(other)
        assert is_mapped(other)
        assert Workspace(tmp_path).pool_map.stat().st_mtime_ns > before


def test_of_a_large_pool_some_are_drawn_and_what_was_selected_is_there(
    inputs: MapInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_map, "_MOST", 2)
    structures = [structure_id(atoms) for atoms in read_structures(tmp_path / "pool.extxyz")]
    assert pool_map.is_large(structures)
    for wanted in structures:
        chosen = replace(inputs, selected=(wanted,))
        assert not is_mapped(chosen)
        make_pool_map(chosen)
        found = read_pool_map(tmp_path)
        assert found is not None
        shown = [point.structure for point in found.pool]
        assert wanted in shown
        assert len(shown) in (2, 3)
        assert shown == [one for one in structures if one in shown], "in the pool's order"
        assert len(found.test) == 4


@pytest.mark.parametrize("half", ["", '{"inputs": "a"', "[]", '{"inputs": "a", "explained": [1, 0]}'])
def test_half_a_map_is_none(tmp_path: Path, half: str) -> None:
    assert read_pool_map(tmp_path) is None
    Workspace(tmp_path).pool_map.write_text(half)
    assert read_pool_map(tmp_path) is None


def test_the_components_are_the_directions_of_the_largest_variance() -> None:
    rng = np.random.default_rng(0)
    along = rng.normal(size=(200, 3)) * [5.0, 2.0, 0.1]
    axes, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    points, shares = principal_components(7.0 + along @ axes[:3])
    for column in (0, 1):
        assert abs(np.corrcoef(points[:, column], along[:, column])[0, 1]) > 0.99
        assert points[:, column].max() == np.abs(points[:, column]).max()
    np.testing.assert_allclose(shares, np.var(along, axis=0)[:2] / np.var(along, axis=0).sum(), rtol=0.05)


def test_equal_structures_lie_on_one_point() -> None:
    points, shares = principal_components(np.ones((3, 4), np.float32))
    assert not points.any()
    assert shares == [0, 0]


def _row(comparison: str, arm: str, acquisition: str, seed: int, budget: int, *structures: str) -> Row:
    keys = tuple(sorted(f"L{name}-theory" for name in structures))
    return Row(comparison, arm, acquisition, seed, budget, "m", {}, (), keys, 1.0)


def test_a_structure_is_selected_at_the_first_budget_that_has_it() -> None:
    rows = [
        _row(comparison, arm, "random", seed, budget, *structures)
        for comparison in ("shared", "own")
        for arm in ("scratch", "transfer")
        for seed, budget, structures in ((0, 3, ("b", "a", "c")), (0, 1, ("b",)), (1, 1, ("z",)))
    ]
    assert selected_structures(rows) == [Selected("random", {"b": 1, "a": 3, "c": 3})]


def test_arms_that_chose_their_own_are_told_apart() -> None:
    rows = [
        _row("shared", "scratch", "uncertainty", 0, 1, "a"),
        _row("own", "scratch", "uncertainty", 0, 1, "b"),
        _row("own", "transfer", "uncertainty", 0, 1, "a"),
        _row("own", "rescaled", "uncertainty", 0, 1, "a"),
    ]
    assert selected_structures(rows) == [
        Selected("uncertainty, chosen by scratch", {"b": 1}),
        Selected("uncertainty, chosen by transfer, rescaled", {"a": 1}),
    ]
    assert selected_structures(rows[:1]) == [Selected("uncertainty", {"a": 1})]
    assert selected_structures([]) == []
