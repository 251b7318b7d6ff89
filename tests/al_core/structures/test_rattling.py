"""Strained and rattled cells of any crystal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from ase.neighborlist import neighbor_list
from pydantic import ValidationError

from al_core.config.structures import CrystalCell, RattledSlice, RattledStructures
from al_core.errors import ConfigError, SelectionError
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import read_structures
from al_core.structures.rattling import conventional, primitive, rattle
from al_core.structures.seeding import Role
from al_core.studies.data import write_structures

ROCKSALT = {"prototype": "rocksalt", "a": 4.2}
WARM = {"name": "warm", "count": 3, "rattle_A": 0.05}


def structures(*slices: dict[str, Any], crystal: Any = ROCKSALT, role: Role = "pool", **settings: Any) -> list[Atoms]:
    return rattle(RattledStructures(crystal=crystal, slices=slices, **settings), ("Mg", "O"), role)


@pytest.mark.parametrize(
    ("structure", "elements", "settings", "neighbours", "bond_A"),
    [
        ("sc", ["Po"], {"a": 3.0}, 6, 3.0),
        ("fcc", ["Cu"], {"a": 4.0}, 12, 4.0 / 2**0.5),
        ("bcc", ["W"], {"a": 3.0}, 8, 3.0 * 3**0.5 / 2),
        ("hcp", ["Mg"], {"a": 3.0, "c": 3.0 * (8 / 3) ** 0.5}, 12, 3.0),
        ("diamond", ["Si"], {"a": 5.0}, 4, 5.0 * 3**0.5 / 4),
        ("zincblende", ["Ga", "As"], {"a": 5.6}, 4, 5.6 * 3**0.5 / 4),
        ("wurtzite", ["Ga", "N"], {"a": 3.0, "c": 3.0 * (8 / 3) ** 0.5}, 4, 3.0 * (3 / 8) ** 0.5),
        ("rocksalt", ["Mg", "O"], {"a": 4.2}, 6, 2.1),
        ("cesiumchloride", ["Cs", "Cl"], {"a": 4.0}, 8, 4.0 * 3**0.5 / 2),
        ("perovskite", ["Sr", "Ti", "O"], {"a": 4.0}, 6, 2.0),
    ],
)
def test_a_prototype_has_the_bonds_of_its_crystal(
    structure: Any, elements: list[str], settings: Any, neighbours: int, bond_A: float
) -> None:
    cell = CrystalCell(prototype=structure, **settings)
    for atoms in (conventional(cell, elements), primitive(cell, elements)):
        first, distances = neighbor_list("id", atoms, bond_A * 1.02)
        np.testing.assert_allclose(distances, bond_A, rtol=1e-2)
        assert np.bincount(first).max() == neighbours
        assert set(atoms.get_chemical_symbols()) == set(elements)


def test_a_crystal_of_a_file_is_that_of_the_file(tmp_path: Path) -> None:
    relaxed = bulk("MgO", "rocksalt", a=4.3)
    write(tmp_path / "relaxed.cif", relaxed)
    atoms = conventional(CrystalCell(path=tmp_path / "relaxed.cif"), ("Mg", "O"))
    assert (len(atoms), atoms.get_volume()) == (2, pytest.approx(relaxed.get_volume(), rel=1e-4))


def test_the_formula_says_what_stands_where() -> None:
    cell = CrystalCell(prototype="fluorite", formula="CaF2", a=5.5)
    assert conventional(cell, ("Ca", "F")).symbols.formula.count() == {"Ca": 4, "F": 8}
    cell = CrystalCell(prototype="perovskite", formula="BaTiO3", a=4.0)
    assert conventional(cell, ("O", "Ba", "Ti")).symbols.formula.count() == {"Ba": 1, "Ti": 1, "O": 3}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prototype": "rocksalt", "formula": "NaCl", "a": 4.0}, "has Cl, Na, expected Mg, O only"),
        ({"prototype": "wurtzite", "formula": "Mg", "a": 4.0}, "ASE makes no wurtzite of Mg"),
        ({"path": "gone.cif"}, ".*gone.cif"),
    ],
)
def test_a_crystal_that_cannot_be_made_is_one_message(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        conventional(CrystalCell(**given), ("Mg", "O"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected prototype and a, or path"),
        ({"prototype": "rocksalt"}, "expected prototype and a, or path"),
        ({"path": "x.cif", "a": 4.0}, "path and a exclude each other"),
    ],
)
def test_half_a_crystal_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CrystalCell(**given)


def test_cells_and_repeat_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="cells and repeat exclude each other"):
        RattledSlice(**WARM, cells=2, repeat=2)


def test_slices_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two slices are named 'warm'"):
        RattledStructures(crystal=ROCKSALT, slices=(WARM, WARM))


def test_structures_are_what_their_slice_says() -> None:
    slices = [
        WARM | {"strain": 0.0, "count": 20},
        {"name": "few", "count": 2, "rattle_A": 0.02, "repeat": 2, "vacancies": 1},
        {"name": "waves", "count": 2, "rattle_A": 0.02, "cells": 3},
    ]
    found = structures(*slices)
    assert [len(atoms) for atoms in found[18:]] == [8, 8, 63, 63, 6, 6]
    assert [atoms.info["config_type"] for atoms in found[18:]] == ["warm"] * 2 + ["few"] * 2 + ["waves"] * 2
    sites = conventional(CrystalCell(**ROCKSALT), ("Mg", "O"))
    moved = np.array([atoms.positions - sites.positions for atoms in found[:20]])
    assert moved.std() == pytest.approx(0.05, rel=0.1)
    assert len({atoms.cell.array.tobytes() for atoms in found[:20]}) == 1, "not strained"
    assert len({atoms.cell.array.tobytes() for atoms in found[20:22]}) == 2, "each strained in its own way"


def test_the_same_settings_give_the_same_structures_and_each_role_its_own(tmp_path: Path) -> None:
    ids = [structure_id(atoms) for atoms in structures(WARM)]
    assert ids == [structure_id(atoms) for atoms in structures(WARM)]
    others = [*structures(WARM, role="test"), *structures(WARM, seed=1)]
    assert len({*ids, *map(structure_id, others)}) == 9
    more = structures({"name": "other", "count": 1, "rattle_A": 0.1}, WARM)
    assert [structure_id(atoms) for atoms in more[1:]] == ids, "a slice stays as it is where others are added"
    write_structures(tmp_path / "pool.extxyz", structures(WARM))
    assert [structure_id(atoms) for atoms in read_structures(tmp_path / "pool.extxyz")] == ids


def test_atoms_that_always_come_too_close_are_one_message() -> None:
    with pytest.raises(SelectionError, match=r"slice wild: atoms came closer .* lower rattle_A or strain"):
        structures({"name": "wild", "count": 1, "rattle_A": 1.0, "repeat": 2})
