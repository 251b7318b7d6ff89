"""Walkers of a committee: how they end, what is kept of them, and that the same seed finds the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_core.config.growth import Exploration, Purpose
from al_core.errors import TrainingError
from al_core.exploration.explore import explore
from al_core.exploration.frames import Frame, Journey, read_frames, write_frames
from al_core.exploration.starts import Start, crystal_of, starting_points
from al_core.storage.hashing import structure_id
from al_core.structures.checks import closest_distance
from al_core.structures.elements import CRYSTALS
from al_core.uncertainty.calibration import Calibration
from calculators.classical.stillinger_weber import stillinger_weber
from tests.al_core.exploration.committees import agreed, committee

AGREED = (2.0, 2.0)
LARGE = 1e6  # meV/Å: no walker leaves such a window


def _start(temperature_K: float = 300.0, phase: str = "crystal", seed: int = 0) -> Start:
    atoms = bulk("Ge", "diamond", a=CRYSTALS["Ge"].pbe_lattice_constant_A, cubic=True)
    atoms.positions += np.random.default_rng(seed).normal(0, 0.02, (8, 3))
    atoms.info["config_type"] = f"{phase}_{temperature_K:g}K"
    return Start(atoms, phase, temperature_K)


def _explore(
    models: Any,
    starts: list[Start],
    error: float = LARGE,
    seed: int = 0,
    pressure: float | None = None,
    scale: float = 1.0,
    **settings: Any,
) -> tuple[list[Frame], list[Journey]]:
    return explore(
        models,
        starts,
        Purpose(force_error_meV_per_A=error, pressure_GPa=pressure),
        Exploration(**{"picoseconds": 0.2, "timestep_fs": 2.0, "every_fs": 40.0, "window": (0.5, 1.0), **settings}),
        Calibration(scale),
        seed,
    )


def _times(frames: list[Frame], walker: int = 0) -> list[float]:
    return [round(frame.time_ps, 6) for frame in frames if frame.walker == walker]


def test_a_frame_is_kept_so_often_and_the_start_is_one() -> None:
    frames, journeys = _explore(committee(AGREED), [_start(), _start(900)])
    assert _times(frames, 0) == _times(frames, 1) == [0.0, 0.04, 0.08, 0.12, 0.16, 0.2]
    assert [frame.time_ps for frame in frames] == sorted(frame.time_ps for frame in frames)
    assert journeys == [Journey("crystal", 300, 0.2), Journey("crystal", 900, 0.2)]


@pytest.mark.parametrize(("every", "step"), [(40.0, 4.0), (100.0, 2.0), (2.0, 2.0), (90.0, 3.0)])
def test_frames_lie_as_far_apart_as_asked_for(every: float, step: float) -> None:
    frames, _ = _explore(committee(AGREED), [_start()], every_fs=every, timestep_fs=step)
    assert np.diff(_times(frames)) == pytest.approx([1e-3 * every] * (len(frames) - 1), abs=1e-6)
    assert len(frames) == 1 + int(200 / every)


def test_a_frame_has_its_slice_and_is_wrapped_and_rounded(tmp_path: Path) -> None:
    frames, _ = _explore(committee(AGREED), [_start(900, "vacancy")])
    write_frames(tmp_path / "frames.extxyz", frames)
    again = read_frames(tmp_path / "frames.extxyz")
    assert [structure_id(one.atoms) for one in again] == [structure_id(one.atoms) for one in frames]
    assert {frame.atoms.info["config_type"] for frame in frames} == {"vacancy_900K"}
    for frame in frames:
        scaled = frame.atoms.get_scaled_positions(wrap=False)
        assert -1e-6 < scaled.min() < scaled.max() < 1 + 1e-6
    assert len({structure_id(frame.atoms) for frame in frames}) == len(frames)


def test_starts_are_left_as_they_are() -> None:
    start = _start(900)
    before = start.atoms.copy()
    frames, _ = _explore(committee(AGREED), [start], pressure=0.0)
    frames[0].atoms.positions += 1.0
    frames[0].atoms.info["config_type"] = "mine"
    assert start.atoms == before
    assert start.atoms.info == before.info


def test_a_walker_ends_where_the_committee_is_too_unsure() -> None:
    """The cold one goes on; the hot one moves to where the springs' stiffness matters."""
    frames, journeys = _explore(committee((1.4, 2.6)), [_start(2), _start(900)], error=40)
    assert (journeys[0].left, journeys[0].time_ps) == (False, 0.2)
    assert (journeys[1].left, journeys[1].failure) == (True, "")
    assert 0 < journeys[1].time_ps < 0.2
    assert max(frame.worst for frame in frames) <= 0.040, "what is beyond the window is not kept"


def test_the_last_frame_before_a_walker_leaves_is_kept() -> None:
    frames, (journey,) = _explore(committee((1.8, 2.2)), [_start(900)], error=40)
    assert journey.left
    assert _times(frames)[-1] == pytest.approx(journey.time_ps - 0.02), "looked at every 20 fs"
    assert frames[-1].worst > 0.01, "it is near the edge of the window"
    assert len(set(_times(frames))) == len(frames), "no frame is kept twice"


def test_the_window_is_in_expected_errors_not_in_disagreement() -> None:
    """A committee that is calibrated to be less wrong than it disagrees goes further, and the other way round."""
    ends = [_explore(committee((1.8, 2.2)), [_start(900)], error=40, scale=scale)[1][0] for scale in (0.1, 1.0, 2.0)]
    assert not ends[0].left
    assert ends[0].time_ps > ends[1].time_ps > ends[2].time_ps


def test_expected_errors_are_those_of_the_calibration() -> None:
    frames, _ = _explore(committee((2.0, 2.0), pull=(-0.3, 0.3)), [_start()], scale=2.0)
    # each member is 0.3 eV/Å off along x: a component's deviation is 0.3 / sqrt(3), the mean error 0.8 of it
    assert frames[0].worst == pytest.approx(2.0 * np.sqrt(2 / np.pi) * 0.3 / np.sqrt(3))
    assert frames[0].expected == pytest.approx(frames[0].worst)


def test_a_start_is_kept_even_where_the_committee_is_too_unsure_of_it() -> None:
    frames, (journey,) = _explore(committee(AGREED, pull=(-0.3, 0.3)), [_start()], error=40)
    assert _times(frames) == [0.0]
    assert frames[0].worst > 0.040
    assert (journey.left, journey.time_ps) == (True, 0.0)


def test_an_unphysical_walker_ends_and_its_frame_is_not_kept() -> None:
    frames, (failed, sound) = _explore(
        committee((-9.0, -9.0)), [_start(300), _start(1e-3, seed=1)], picoseconds=0.1, every_fs=20
    )
    assert "K" in failed.failure or "Å" in failed.failure
    assert not failed.left
    assert 0 < failed.time_ps < 0.1
    assert max(_times(frames, 0)) < failed.time_ps
    bond = CRYSTALS["Ge"].bond(in_dft=True)
    assert all(closest_distance(frame.atoms) > 0.6 * bond for frame in frames)
    assert sound.phase == "crystal"


def test_who_knows_everything_loses_no_walker() -> None:
    """Molten starts and cut surfaces turn potential energy into heat, and few atoms fluctuate: no reason to end."""
    purpose = Purpose(phases=("crystal", "vacancy", "surface", "liquid"), temperatures_K=(300, 900))
    settings = Exploration(walkers=16, picoseconds=0.7, timestep_fs=2.0, cells=(2, 4))
    starts = starting_points(purpose, settings, crystal_of("Ge", None), 0, 0)
    _, journeys = explore(agreed(stillinger_weber("Ge")), starts, purpose, settings, Calibration(), 0)
    assert [one.failure for one in journeys] == [""] * 16


def test_where_all_have_ended_exploring_ends() -> None:
    frames, journeys = explore(
        committee(AGREED, pull=(-0.3, 0.3)),
        [_start(), _start(900)],
        Purpose(force_error_meV_per_A=40),
        Exploration(window=(0.5, 1.0)),
        Calibration(),
        0,
    )
    assert [(one.left, one.time_ps) for one in journeys] == [(True, 0.0)] * 2
    assert [frame.time_ps for frame in frames] == [0.0] * 2


def _volumes(phase: str = "crystal", pressure: float | None = 5.0) -> np.ndarray:
    start = _start(10, phase)
    models = committee(AGREED, modulus_GPa=50.0)
    frames, (journey,) = _explore(models, [start], pressure=pressure, picoseconds=4.0, timestep_fs=4.0)
    assert journey == Journey(phase, 10, 4.0)
    return np.asarray([frame.atoms.get_volume() / start.atoms.get_volume() for frame in frames])


def test_at_a_pressure_the_volume_goes_where_the_pressure_is() -> None:
    """With a bulk modulus of 50 GPa, 5 GPa take a tenth of the volume, and -5 GPa add it."""
    for pressure in (5.0, -5.0):
        volumes = _volumes(pressure=pressure)
        assert volumes[0] == 1
        assert volumes[len(volumes) // 2 :].mean() == pytest.approx(1 - pressure / 50, abs=0.025)


def test_a_pressure_of_zero_is_one() -> None:
    assert len(set(_volumes(pressure=0.0).round(9))) > 20


def test_without_a_pressure_and_for_a_slab_the_volume_stays() -> None:
    assert set(_volumes(pressure=None).round(9)) == {1.0}
    assert set(_volumes("surface").round(9)) == {1.0}


def test_a_committee_that_has_diverged_is_a_training_error() -> None:
    with pytest.raises(TrainingError, match="not finite"):
        _explore(committee((np.nan, 2.0)), [_start()])


def _fingerprint(frames: list[Frame]) -> list[tuple[str, int]]:
    return [(structure_id(frame.atoms), frame.walker) for frame in frames]


def test_the_same_seed_finds_the_same_frames() -> None:
    found = [
        _fingerprint(_explore(committee(AGREED), [_start(900), _start(900)], seed=seed, pressure=0.0)[0])
        for seed in (3, 3, 4)
    ]
    assert found[0] == found[1]
    same = set(found[0]) & set(found[2])
    assert same == set(found[0][:2]), "only the starts"


def test_walkers_from_one_start_go_different_ways() -> None:
    frames, _ = _explore(committee(AGREED), [_start(900), _start(900)])
    first, second = ([structure_id(one.atoms) for one in frames if one.walker == number] for number in (0, 1))
    assert first[0] == second[0]
    assert not set(first[1:]) & set(second[1:])


def test_a_bias_takes_walkers_to_where_the_members_differ_more() -> None:
    means = [
        np.mean([frame.expected for frame in _explore(committee((1.2, 2.8)), [_start(300)], bias=bias)[0]])
        for bias in (0.0, 1.0)
    ]
    assert means[1] > 1.1 * means[0]


def test_an_element_without_a_known_crystal_walks_from_given_structures() -> None:
    atoms = bulk("W", "bcc", a=3.17, cubic=True) * (2, 2, 2)
    atoms.info["config_type"] = "given_300K"
    frames, (journey,) = _explore(committee(AGREED), [Start(Atoms(atoms), "given", 300)])
    assert journey.failure == ""
    assert len(frames) == 6
