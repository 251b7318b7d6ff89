"""Distances between structures, and copies among honest snapshots."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.config.structures import Slice
from al_core.structures.datasets import bundled, read_structures
from al_core.structures.distance import copies, distances
from al_core.structures.sampling import sampled
from calculators.classical.neutral import neutral_potential


def crystal(seed: int, sigma: float = 0.05, repeat: int = 1, symbols: str = "Ge") -> Atoms:
    atoms = bulk("Ge", "diamond", a=5.66, cubic=True).repeat(repeat)
    atoms.symbols = symbols if len(symbols) > 2 else symbols * len(atoms)
    atoms.positions += np.random.default_rng(seed).normal(0, sigma, atoms.positions.shape)
    return atoms


def crystals(seeds: range, sigma: float = 0.05) -> list[Atoms]:
    return [crystal(seed, sigma) for seed in seeds]


def displaced(atoms: Atoms, rms_A: float, seed: int = 0) -> Atoms:
    """Return a copy whose atoms are displaced by this root mean square, without drift."""
    moved = np.random.default_rng(seed).normal(size=(len(atoms), 3))
    moved -= moved.mean(axis=0)
    copy = atoms.copy()
    copy.positions += moved * rms_A / np.sqrt((moved**2).sum(axis=1).mean())
    return copy


def apart(one: Atoms, other: Atoms) -> float:
    return float(distances([one], [other])[1][0, 0])


# ---- distance --------------------------------------------------------------------------------------------------------


def test_the_distance_is_the_root_mean_square_displacement_of_an_atom() -> None:
    atoms = crystal(0)
    assert apart(atoms, displaced(atoms, 0.07)) == pytest.approx(0.07, abs=1e-9)


def test_drift_and_periodic_images_do_not_count() -> None:
    atoms = crystal(0)
    other = displaced(atoms, 0.07)
    other.positions += [1.3, -4.2, 77.7]
    other.wrap()
    assert apart(atoms, other) == pytest.approx(0.07, abs=1e-9)


def test_the_order_of_the_atoms_does_not_count_but_their_elements_do() -> None:
    order = np.random.default_rng(0).permutation(8)
    atoms = crystal(0, symbols="Ge4Si4")
    other = displaced(atoms, 0.07)[order]
    assert apart(atoms, other) == pytest.approx(0.07, abs=1e-9)
    swapped = other.copy()
    swapped.symbols = ["Si" if symbol == "Ge" else "Ge" for symbol in other.symbols]
    assert apart(atoms, swapped) > 1
    assert apart(atoms, crystal(0)) == np.inf


def test_a_strained_cell_is_apart_by_what_moves_a_neighbour() -> None:
    atoms = bulk("Ge", "diamond", a=5.66, cubic=True)
    other = atoms.copy()
    other.set_cell(atoms.cell.array * [[1.01], [1], [1]], scale_atoms=True)
    assert apart(atoms, other) == pytest.approx(0.01 * 5.66 / 2 / np.sqrt(3), rel=0.01)
    far = atoms.copy()
    far.set_cell(atoms.cell.array * 1.1, scale_atoms=True)
    assert apart(atoms, far) == np.inf


def test_a_rotated_frame_does_not_count() -> None:
    atoms = crystal(0)
    other = displaced(atoms, 0.07)
    other.rotate(40, (1, 2, 3), rotate_cell=True)
    assert apart(atoms, other) == pytest.approx(0.07, abs=1e-6)


# ---- copies ----------------------------------------------------------------------------------------------------------


def test_the_copy_is_found_among_snapshots() -> None:
    pool, test = crystals(range(20)), crystals(range(100, 108))
    assert copies(pool, test) == []
    test[3] = displaced(pool[11], 0.04)
    (found,) = copies(pool, test)
    assert (found.pool, found.test) == (11, 3)
    assert found.distance_A == pytest.approx(0.04, abs=1e-9)


def test_a_shuffled_copy_is_found() -> None:
    pool, test = crystals(range(20)), crystals(range(100, 108))
    test[3] = displaced(pool[11], 0.04)[::-1]
    assert [(found.pool, found.test) for found in copies(pool, test)] == [(11, 3)]


def test_snapshots_of_a_cold_crystal_are_no_copies() -> None:
    """They are nearer to each other than copies of hot ones are: what is near depends on the set."""
    pool, test = crystals(range(20), sigma=0.01), crystals(range(100, 108), sigma=0.01)
    assert distances(pool, test)[1].max() < 0.04
    assert copies(pool, test) == []
    test[3] = displaced(pool[11], 0.005)
    assert [(found.pool, found.test) for found in copies(pool, test)] == [(11, 3)]


def test_strained_perfect_crystals_are_no_copies_unless_they_are_the_same() -> None:
    def strained(strain: float) -> Atoms:
        atoms = bulk("Ge", "diamond", a=5.66, cubic=True)
        atoms.set_cell(atoms.cell.array * [[1 + strain], [1], [1]], scale_atoms=True)
        return displaced(atoms, 1e-6, seed=int(1e4 * strain))

    pool = [strained(0.01 * number) for number in range(5)]
    assert copies(pool, [strained(0.005 + 0.01 * number) for number in range(4)]) == []
    assert [(found.pool, found.test) for found in copies(pool, [strained(0.025), strained(0.03001)])] == [(3, 1)]


def test_two_snapshots_alone_are_not_judged() -> None:
    assert copies([crystal(0, 0.01)], [crystal(1, 0.01)]) == []
    assert copies([crystal(0)], []) == []


@pytest.mark.parametrize(("pool_K", "test_K"), [(300, 320), (300, 900)])
def test_slices_that_share_random_numbers_are_found(pool_K: float, test_K: float) -> None:
    """As earlier versions sampled them: the same numbers at two temperatures. With other numbers, nothing is found."""

    def snapshots(temperature_K: float, seed: int) -> list[Atoms]:
        part = Slice(name="x", count=1, temperature_K=temperature_K, steps=20)
        seeds = [np.random.default_rng([seed, 0, number]) for number in range(10)]
        return [sampled(part, "Ge", 1.01, neutral_potential("Ge"), rng) for rng in seeds]

    pool = snapshots(pool_K, 0)
    found = copies(pool, snapshots(test_K, 0))
    assert found
    assert all(pair.pool == pair.test for pair in found)
    assert copies(pool, snapshots(test_K, 1)) == []


def test_the_shipped_pools_and_test_set_hold_no_copies() -> None:
    """The second ones hold the first."""
    assert copies(*(read_structures(bundled(name).path) for name in ("ge-pool-pbe-2", "ge-test-pbe-2"))) == []
