"""Where walkers start: every phase, bath and cell in turn, each start its own, and none of them nonsense."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from al_core.config.growth import Exploration, Purpose
from al_core.config.structures import CrystalCell
from al_core.config.target import ElementMap
from al_core.exploration.starts import Start, crystal_of, starting_points
from al_core.storage.hashing import structure_id
from al_core.structures.checks import closest_distance
from al_core.structures.elements import CRYSTALS

PHASES = ("crystal", "vacancy", "liquid")
FOUR = Purpose(phases=("crystal", "vacancy", "surface", "liquid"), temperatures_K=(300, 900), liquid_K=1500)


def _starts(purpose: Purpose = FOUR, seed: int = 0, number: int = 0, given: Any = (), **more: Any) -> list[Start]:
    settings = Exploration(**{"walkers": 16, "cells": (4, 8), **more})
    return starting_points(purpose, settings, given or crystal_of("Ge", None), seed, number)


def _ids(starts: list[Start]) -> list[str]:
    return [structure_id(start.atoms) for start in starts]


def _of(phase: str, **settings: Any) -> list[Start]:
    return [start for start in _starts(**settings) if start.phase == phase]


def test_phases_change_first_then_temperatures_then_cells() -> None:
    starts = _starts()
    assert [start.phase for start in starts] == ["crystal", "vacancy", "surface", "liquid"] * 4
    solids = [start for start in starts if start.phase != "liquid"]
    assert [start.temperature_K for start in solids] == ([300] * 3 + [900] * 3) * 2
    assert [len(start.atoms) for start in starts if start.phase == "crystal"] == [8, 8, 16, 16]


def test_a_liquid_has_its_own_temperature() -> None:
    assert {start.temperature_K for start in _of("liquid")} == {1500}


def test_the_slice_says_phase_and_temperature() -> None:
    assert [start.atoms.info for start in _starts(walkers=5)] == [
        {"config_type": "crystal_300K"},
        {"config_type": "vacancy_300K"},
        {"config_type": "surface_300K"},
        {"config_type": "liquid_1500K"},
        {"config_type": "crystal_900K"},
    ]


def test_the_same_seed_makes_the_same_starts() -> None:
    assert _ids(_starts()) == _ids(_starts())


def test_rounds_and_seeds_have_starts_of_their_own() -> None:
    every = [*_ids(_starts()), *_ids(_starts(number=1)), *_ids(_starts(seed=1))]
    assert len(set(every)) == len(every)


def test_a_walker_does_not_depend_on_how_many_there_are() -> None:
    assert _ids(_starts(walkers=5)) == _ids(_starts())[:5]


def test_a_vacancy_lacks_one_atom() -> None:
    assert [len(start.atoms) for start in _of("vacancy")] == [7, 7, 15, 15]


def test_a_surface_has_vacuum_above_it_and_nowhere_else() -> None:
    for start in _of("surface"):
        atoms = start.atoms
        assert len(atoms) == 8
        heights = atoms.get_scaled_positions()[:, 2] * atoms.cell.cellpar()[2]
        assert atoms.cell.cellpar()[2] - np.ptp(heights) > 7.0
        assert atoms.cell.cellpar()[:2] == pytest.approx([5.77, 5.77], rel=0.05)
        assert atoms.pbc.all()


def test_a_molten_start_is_far_from_the_crystal_and_no_atoms_are_too_near() -> None:
    bond = CRYSTALS["Ge"].bond(in_dft=True)
    crystal = {start.atoms.get_chemical_formula(): closest_distance(start.atoms) for start in _of("crystal")}
    assert min(crystal.values()) > 0.9 * bond
    for start in [*_of("liquid"), *_of("liquid", seed=1, cells=(16,))]:
        assert 0.7 * bond < closest_distance(start.atoms) < 0.9 * bond


@pytest.mark.parametrize(("element", "edge"), [("Na", 4.29), ("Cs", 6.14)])
def test_a_molten_start_of_long_bonds_is_as_far_from_its_crystal(element: str, edge: float) -> None:
    crystal = crystal_of(element, CrystalCell(prototype="bcc", a=edge))
    for start in starting_points(Purpose(phases=("liquid",)), Exploration(cells=(8,)), crystal, 0, 0):
        assert 0.7 < closest_distance(start.atoms, crystal.bond) / crystal.bond < 0.9, "the crystal's is 0.94 or more"


def test_solids_are_displaced_a_little_and_strained_as_the_purpose_says() -> None:
    still, strained = (
        [start.atoms for start in _starts(Purpose(phases=("crystal",), strain=strain), walkers=24, cells=(4,))]
        for strain in (0.0, 0.1)
    )
    crystal = 4 * 2 * CRYSTALS["Ge"].pbe_lattice_constant_A ** 3 / 8  # type: ignore[operator]
    assert [atoms.get_volume() for atoms in still] == pytest.approx([crystal] * 24, rel=1e-4)
    changes = np.array([atoms.get_volume() for atoms in strained]) / crystal - 1
    assert 0.05 < np.abs(changes).max() < 0.33
    assert len({round(change, 6) for change in changes}) == 24
    bond = CRYSTALS["Ge"].bond(in_dft=True)
    distances = [closest_distance(atoms) for atoms in still]
    assert all(0.9 * bond < one < 0.999 * bond for one in distances), "0.03 Å along each axis"


def test_cells_have_many_shapes() -> None:
    starts = _starts(Purpose(phases=("crystal",), strain=0.0), walkers=12, cells=(8,))
    assert len({tuple(np.round(sorted(start.atoms.cell.cellpar()), 2)) for start in starts}) > 3


def test_a_compound_is_made_of_the_crystal_that_is_named() -> None:
    rocksalt = crystal_of(ElementMap(map={"Mg": "Ca", "O": "O"}), CrystalCell(prototype="rocksalt", a=4.84))
    assert rocksalt.bond == pytest.approx(2.42)
    settings = Exploration(walkers=6, cells=(4,))
    starts = starting_points(Purpose(phases=PHASES, strain=0.0), settings, rocksalt, 0, 0)
    whole, lacking, molten = (next(one.atoms for one in starts if one.phase == phase) for phase in PHASES)
    assert whole.get_chemical_formula() == molten.get_chemical_formula() == "Ca4O4"
    assert lacking.get_chemical_formula() in ("Ca3O4", "Ca4O3")
    assert whole.get_volume() == pytest.approx(4 * 4.84**3 / 4, rel=1e-4)
    assert closest_distance(whole) == pytest.approx(2.42, rel=0.08)
    assert 0.7 * 2.42 < closest_distance(molten) < 0.9 * 2.42


def test_a_slab_of_a_small_cell_has_four_layers() -> None:
    iron = crystal_of("Fe", CrystalCell(prototype="bcc", a=2.87))
    (slab,) = starting_points(Purpose(phases=("surface",)), Exploration(walkers=1), iron, 0, 0)
    assert slab.atoms.get_chemical_formula() == "Fe4"
    assert slab.atoms.cell.cellpar()[2] == pytest.approx(2 * 2.87 + 8 - 2.87 / 2, rel=0.05)


def test_given_structures_are_used_and_left_as_they_are(crystals: Any) -> None:
    given: list[Atoms] = crystals("Ge", 5, seed=8)
    for atoms in given:
        atoms.info["my_energy"] = -3.0
    before = [(structure_id(atoms), dict(atoms.info)) for atoms in given]
    starts = _starts(Purpose(temperatures_K=(300, 600)), walkers=40, given=given)
    assert {start.phase for start in starts} == {"given"}
    assert [start.temperature_K for start in starts] == [300, 600] * 20
    assert set(_ids(starts)) == set(_ids([Start(atoms, "", 0) for atoms in given])), "each is drawn some time"
    assert {start.atoms.info["config_type"] for start in starts} == {"given_300K", "given_600K"}
    starts[0].atoms.positions += 1.0
    starts[0].atoms.info["config_type"] = "mine"
    assert [(structure_id(atoms), dict(atoms.info)) for atoms in given] == before
    assert all("my_energy" not in start.atoms.info for start in starts)


def test_ids_survive_a_file(tmp_path: Path, crystals: Any) -> None:
    for name, given in (("made", ()), ("given", crystals("Ge", 3))):
        starts = _starts(given=given)
        write(tmp_path / f"{name}.extxyz", [start.atoms for start in starts])
        again = read(tmp_path / f"{name}.extxyz", ":")
        assert [structure_id(atoms) for atoms in again] == _ids(starts)
        for start in starts:
            assert np.array_equal(start.atoms.positions, start.atoms.positions.round(6))
