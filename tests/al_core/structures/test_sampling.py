"""Structures of the neutral sampler: the same for the same seed, and what their slice says they are."""

import itertools
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.geometry import find_mic
from ase.neighborlist import neighbor_list

from al_core.config.reading import load_config
from al_core.config.structures import MDStructures
from al_core.errors import SelectionError
from al_core.storage.hashing import structure_id
from al_core.structures.datasets import bundled, read_structures
from al_core.structures.distance import copies
from al_core.structures.elements import CRYSTALS
from al_core.structures.sampling import crystals_like, prototype, sample, sampled
from al_core.structures.seeding import Role
from al_core.studies.data import write_structures
from calculators.classical.neutral import neutral_potential
from flows.make_assets import DataSetConfig

ROOT = Path(__file__).resolve().parents[3]
COLD = {"name": "cold", "count": 2, "temperature_K": 300, "steps": 20}
CELL_OF_THE_FIRST = [5.667598, -0.020241, 0.049834]  # Å
LIQUID = {"name": "liquid", "count": 2, "temperature_K": 2500, "melt_K": 20000, "steps": 150}


def structures(*slices: dict[str, object], element: str = "Ge", role: Role = "pool", **settings: object) -> list[Atoms]:
    return sample(MDStructures(slices=slices, **settings), element, neutral_potential, role)


def ids(frames: list[Atoms]) -> list[str]:
    return [structure_id(atoms) for atoms in frames]


def test_the_same_seed_gives_the_same_structures() -> None:
    assert ids(structures(COLD, seed=4)) == ids(structures(COLD, seed=4))


def test_another_seed_gives_other_structures() -> None:
    assert not set(ids(structures(COLD, seed=4))) & set(ids(structures(COLD, seed=5)))


def test_no_structure_comes_twice() -> None:
    frames = structures(COLD, COLD | {"name": "again"})
    assert len(set(ids(frames))) == 4


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(get_args(Role), 2)))
def test_sets_of_two_roles_share_nothing(first: Role, second: Role) -> None:
    """Neither for the same slices nor for slices that differ in temperature only."""
    warmer = COLD | {"temperature_K": 500}
    one = structures(COLD | {"count": 3}, role=first)
    for other in (structures(COLD | {"count": 3}, role=second), structures(warmer | {"count": 3}, role=second)):
        assert not copies(one, other)
        strains = [{tuple(np.round(atoms.cell.array.ravel(), 3)) for atoms in frames} for frames in (one, other)]
        assert not strains[0] & strains[1]


def test_slices_that_differ_in_temperature_only_share_nothing() -> None:
    frames = structures(COLD | {"count": 3}, COLD | {"name": "warm", "count": 3, "temperature_K": 320})
    assert not copies(frames[:3], frames[3:])


def test_a_slice_stays_as_it_is_whatever_stands_beside_it() -> None:
    """More of it, others before and after it, and others removed."""
    alone = ids(structures(COLD))
    other = COLD | {"name": "other", "count": 1}
    longer = ids(structures(other, COLD | {"count": 3}, COLD | {"name": "third"}))
    assert longer[1:3] == alone
    assert ids(structures(COLD | {"name": "third"}, other, COLD))[-2:] == alone


def test_the_seeds_are_the_same_on_every_machine() -> None:
    (atoms,) = structures(COLD | {"count": 1, "steps": 1})
    np.testing.assert_allclose(atoms.cell.array[0], CELL_OF_THE_FIRST, atol=1e-6)


@pytest.fixture(scope="module")
def liquids() -> list[Atoms]:
    return structures(LIQUID)


def test_ids_survive_being_written_and_read(liquids: list[Atoms], tmp_path: Path) -> None:
    frames = [*structures(COLD), *liquids]
    write_structures(tmp_path / "x.extxyz", frames)
    for atoms in frames:  # else the file's rounding could move a coordinate across the id's
        np.testing.assert_array_equal(atoms.positions, atoms.positions.round(6))
        np.testing.assert_array_equal(atoms.cell.array, atoms.cell.array.round(6))
    again = read_structures(tmp_path / "x.extxyz")
    assert ids(again) == ids(frames)
    assert [atoms.info["config_type"] for atoms in again] == ["cold", "cold", "liquid", "liquid"]


def test_the_seed_and_nothing_else_decides() -> None:
    first = ids(structures(COLD))
    np.random.seed(0)  # noqa: NPY002 (what a careless library would read)
    np.random.random()  # noqa: NPY002
    assert ids(structures(COLD)) == first


@pytest.mark.parametrize(("name", "element"), [("si-train-pbe", "Si"), ("ge-test-pbe", "Ge")])
def test_the_sampler_still_gives_the_shipped_structures(name: str, element: str) -> None:
    settings = load_config(DataSetConfig, ROOT / "configs" / "assets" / f"{name}.yaml").structures
    part, scale = settings.slices[0], settings.lattice_scale
    seeded = [np.random.default_rng([settings.seed, 0, number]) for number in range(2)]  # as those were
    again = [sampled(part, element, scale, neutral_potential(element), rng) for rng in seeded]
    assert ids(again) == ids(read_structures(bundled(name).path)[:2])


def test_the_sampler_still_gives_what_a_shipped_data_set_was_extended_by() -> None:
    config = load_config(DataSetConfig, ROOT / "configs" / "assets" / "si-train-pbe-2.yaml")
    first = config.structures.slices[0].model_copy(update={"count": 1})
    again = sample(config.structures.model_copy(update={"slices": (first,)}), "Si", neutral_potential, config.role)
    shipped, before = read_structures(bundled(config.name).path), read_structures(bundled("si-train-pbe").path)
    assert ids(shipped[: len(before)]) == ids(before)
    assert ids(shipped[len(before) : len(before) + 1]) == ids(again)
    assert sum(len(atoms) > 8 for atoms in shipped) >= 40


def test_counts_and_vacancies_are_as_asked() -> None:
    frames = structures(
        COLD, COLD | {"name": "vacancy", "vacancies": 2}, COLD | {"name": "large", "repeat": 2, "count": 1}
    )
    assert [(atoms.info["config_type"], len(atoms)) for atoms in frames] == [
        ("cold", 8),
        ("cold", 8),
        ("vacancy", 6),
        ("vacancy", 6),
        ("large", 64),
    ]
    assert all(atoms.pbc.all() and set(atoms.symbols) == {"Ge"} for atoms in frames)


def test_different_atoms_are_missing_in_different_structures() -> None:
    frames = structures({"name": "v", "count": 6, "temperature_K": 10, "strain": 0, "vacancies": 1, "steps": 5})
    sites = prototype("Ge", 1.01)
    missing = set()
    for atoms in frames:
        distances = np.array([np.min(find_mic(atoms.positions - site, sites.cell)[1]) for site in sites.positions])
        assert np.sum(distances > 1.0) == 1
        missing.add(int(np.argmax(distances)))
    assert len(missing) > 1


def test_the_cell_is_strained_as_far_as_asked_and_no_further() -> None:
    frames = structures({"name": "s", "count": 20, "temperature_K": 300, "strain": 0.08, "steps": 1}, lattice_scale=1.0)
    reference = prototype("Ge").cell.array
    strains = np.array([np.linalg.solve(reference, atoms.cell.array) - np.eye(3) for atoms in frames])
    np.testing.assert_allclose(strains, strains.transpose(0, 2, 1), atol=1e-6)  # no rotation
    assert np.abs(strains).max() <= 0.08 + 1e-6
    assert np.abs(np.diagonal(strains, axis1=1, axis2=2)).max() > 0.06
    assert np.abs(strains[:, 0, 1]).max() > 0.03


def test_without_strain_the_cell_is_the_scaled_lattice() -> None:
    (atoms,) = structures(COLD | {"count": 1, "strain": 0}, lattice_scale=1.02, element="Si")
    np.testing.assert_allclose(atoms.cell.array, np.eye(3) * 5.431 * 1.02, atol=1e-6)


def test_a_slab_has_its_vacuum_and_keeps_its_lattice_in_the_plane() -> None:
    made = structures({"name": "slab", "count": 2, "temperature_K": 300, "strain": 0.0, "vacuum_A": 8.0})
    bulk_made = structures({"name": "bulk", "count": 1, "temperature_K": 300, "strain": 0.0})
    for slab in made:
        np.testing.assert_allclose(slab.cell.lengths()[:2], bulk_made[0].cell.lengths()[:2])
        heights = np.sort(slab.positions[:, 2])
        assert 8.0 - 1.5 < slab.cell[2, 2] - (heights[-1] - heights[0]) < 8.0 + 1.5
        assert slab.pbc.all()


# ---- supercells of every shape ---------------------------------------------------------------------------------------


def test_each_structure_draws_its_own_supercell() -> None:
    made = structures({"name": "nd", "count": 4, "temperature_K": 10, "strain": 0.0, "cells": 4, "steps": 2})
    assert len({tuple(atoms.cell.cellpar().round(2)) for atoms in made}) > 1
    assert [len(atoms) for atoms in made] == [8] * 4
    planned = crystals_like(MDStructures(slices=[{"name": "nd", "count": 4, "temperature_K": 10, "cells": 4}]), "Ge")
    assert [len(atoms) for atoms in planned] == [8] * 4


def bond_angle_spread(atoms: Atoms) -> float:
    """Return the standard deviation of cos(angle) between bonds shorter than the second shell of the crystal."""
    first, vectors = neighbor_list("iD", atoms, 1.35 * 5.658 * np.sqrt(3) / 4)
    cosines = []
    for atom in range(len(atoms)):
        mine = vectors[first == atom]
        units = mine / np.linalg.norm(mine, axis=1, keepdims=True)
        cosines += (units @ units.T)[np.triu_indices(len(mine), 1)].tolist()
    return float(np.std(cosines))


def distance_from_the_lattice(atoms: Atoms) -> float:
    """Return the root mean square distance of the atoms from the sites they started at, drift taken out, Å."""
    sites = prototype("Ge").get_scaled_positions() @ atoms.cell.array
    moved = atoms.positions - sites  # the sampler does not wrap
    return float(np.sqrt(((moved - moved.mean(axis=0)) ** 2).sum(axis=1).mean()))


def test_a_crystal_is_a_crystal() -> None:
    for atoms in structures(COLD | {"steps": 150}):
        assert distance_from_the_lattice(atoms) < 0.3
        assert bond_angle_spread(atoms) < 0.15  # 0 in the perfect crystal


def test_a_liquid_is_disordered(liquids: list[Atoms]) -> None:
    for atoms in liquids:
        assert distance_from_the_lattice(atoms) > 1.5  # farther than half a bond: no atom knows its site
        assert bond_angle_spread(atoms) > 0.35


def test_hotter_slices_move_farther() -> None:
    def moved(temperature_K: float) -> float:
        part = {"name": "x", "count": 4, "temperature_K": temperature_K, "strain": 0, "steps": 60}
        return float(np.mean([distance_from_the_lattice(atoms) for atoms in structures(part)]))

    assert moved(900) > 1.3 * moved(300)


def test_progress_counts_all_slices() -> None:
    reported: list[tuple[int, int]] = []
    config = MDStructures(slices=[COLD, COLD | {"name": "b", "count": 1}])
    sample(config, "Ge", neutral_potential, "pool", lambda done, total: reported.append((done, total)))
    assert reported == [(1, 3), (2, 3), (3, 3)]


# ---- fcc metals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "atoms", "bond_A", "neighbors"), [("Ge", 8, 2.450, 4), ("Cu", 4, 2.553, 12), ("Au", 4, 2.885, 12)]
)
def test_the_prototype_is_the_elements_own_crystal(element: str, atoms: int, bond_A: float, neighbors: int) -> None:
    cell = prototype(element, 1.0)
    assert len(cell) == atoms == CRYSTALS[element].atoms_per_cell
    assert CRYSTALS[element].bond() == pytest.approx(bond_A, abs=5e-4)
    first, distances = neighbor_list("id", cell, 1.1 * bond_A)
    np.testing.assert_allclose(distances, CRYSTALS[element].bond())
    np.testing.assert_array_equal(np.bincount(first), neighbors)
    np.testing.assert_allclose(prototype(element, 1.02, 2).cell.array, 2 * 1.02 * cell.cell.array)


def test_the_prototype_has_no_magnetic_moments() -> None:
    assert [element for element in CRYSTALS if prototype(element).has("initial_magmoms")] == []


def test_structures_of_copper(tmp_path: Path) -> None:
    parts = (
        COLD | {"strain": 0.0},
        {"name": "hot", "count": 3, "temperature_K": 1500, "steps": 20},
        {"name": "vacancy", "count": 1, "temperature_K": 900, "steps": 5, "vacancies": 1, "repeat": 2},
    )
    frames = structures(*parts, element="Cu", seed=4)
    assert [len(atoms) for atoms in frames] == [4, 4, 4, 4, 4, 31]
    assert [atoms.info["config_type"] for atoms in frames] == ["cold"] * 2 + ["hot"] * 3 + ["vacancy"]
    assert all(atoms.pbc.all() and set(atoms.symbols) == {"Cu"} for atoms in frames)
    assert len(set(ids(frames))) == 6
    np.testing.assert_allclose(frames[0].cell.array, np.eye(3) * 3.61 * 1.01, atol=1e-6)
    for atoms in frames:
        nearest = neighbor_list("d", atoms, 4.0).min()
        assert 0.6 * 2.553 < nearest < 2.6
    again = structures(*parts, element="Cu", seed=4)
    assert ids(again) == ids(frames)
    assert not set(ids(structures(*parts, element="Cu", seed=5))) & set(ids(frames))
    write_structures(tmp_path / "cu.extxyz", frames)
    assert ids(read_structures(tmp_path / "cu.extxyz")) == ids(frames)


# ---- what goes wrong -------------------------------------------------------------------------------------------------


class Exploding(Calculator):
    """A potential that throws atoms out of the cell."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms: Atoms, properties: object = None, system_changes: object = all_changes) -> None:
        self.results = {"energy": 0.0, "forces": np.full((len(atoms), 3), np.nan)}


def test_dynamics_that_explode_are_reported_with_their_slice() -> None:
    config = MDStructures(slices=[{"name": "hot", "count": 1, "temperature_K": 9000, "steps": 1}])
    with pytest.raises(SelectionError, match=r"slice hot: .* 9000 K exploded 10 times; lower temperature_K or strain"):
        sample(config, "Ge", lambda element: Exploding(), "pool")
