"""Molecular dynamics by a committee, in which each walker goes on until the committee no longer knows what it does."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from ase import Atoms, units

from al_core.config.growth import Exploration, Purpose
from al_core.errors import TrainingError
from al_core.evaluation.failures import failure_of
from al_core.evaluation.walkers import Snapshot, Walkers
from al_core.exploration.frames import Frame, Journey
from al_core.exploration.spread import SpreadForces
from al_core.exploration.starts import Start
from al_core.models.calculator import CommitteeCalculator
from al_core.storage.hashing import DIGITS
from al_core.structures.elements import CRYSTALS
from al_core.structures.shells import bond_length
from al_core.uncertainty.calibration import Calibration

_FRICTION_PER_FS = 0.01
_LOOK_EVERY = 10  # steps
_AT_REST = ("crystal", "vacancy")  # phases whose starts are near equilibrium
_SETTLING_PS = 0.5  # five times the friction's: until then other starts turn potential energy into heat
_COMPRESSIBILITY = 0.015  # 1/GPa, of semiconductors and metals; only with the time does it set how fast a volume moves
_BAROSTAT_FS = 500.0
_LARGEST_CHANGE = 0.02  # of a volume at once


def explore(
    committee: CommitteeCalculator,
    starts: Sequence[Start],
    purpose: Purpose,
    settings: Exploration,
    calibration: Calibration,
    seed: int,
) -> tuple[list[Frame], list[Journey]]:
    """Let walkers move, all in one batch; return what they came by and what became of them.

    Every start is a frame, then one every ``every_fs``, and the last one before a walker leaves the window. A walker
    ends where the error expected of its worst atom is beyond the window, or where it is unphysical
    (:func:`~al_core.evaluation.failures.failure_of`). Such a frame is not kept.

    Args:
        committee: drives the walkers.
        starts: where they start.
        purpose: which error is wanted, at which pressure.
        settings: time step, lengths, window, bias.
        calibration: what the disagreement of the committee stands for.
        seed: of velocities and noise.

    Raises:
        TrainingError: the committee's predictions are not finite.
    """
    forces = SpreadForces(committee, settings.bias)
    walkers = Walkers(
        [start.atoms for start in starts],
        forces,
        [start.temperature_K for start in starts],
        settings.timestep_fs,
        [_FRICTION_PER_FS] * len(starts),
        seed,
        [start.temperature_K * (2 if start.phase in _AT_REST else 1) for start in starts],
    )
    limit = settings.window[1] * 1e-3 * purpose.force_error_meV_per_A
    bonds = [_bond(start.atoms) for start in starts]
    rng = np.random.default_rng([seed, len(starts)])  # none of the walkers'
    frames: list[Frame] = []
    last: dict[int, Frame] = {}  # that a walker came by, and that was kept of it
    kept: dict[int, Frame] = {}
    journeys: dict[int, Journey] = {}
    looks = max(1, ceil(settings.every_fs / settings.timestep_fs / _LOOK_EVERY))
    chunk = max(1, round(settings.every_fs / settings.timestep_fs / looks))
    total = max(1, round(1e3 * settings.picoseconds / settings.timestep_fs / chunk))
    for look in range(total + 1):
        if look:
            walkers.run(chunk)
        time_ps = 1e-3 * look * chunk * settings.timestep_fs
        for number, deviations, stress in list(zip(walkers.active, forces.deviations, forces.stresses, strict=True)):
            now, start = walkers.snapshot(number), starts[number]
            errors = calibration.expected_errors(deviations)
            settled = start.phase in _AT_REST or time_ps >= _SETTLING_PS
            bath = start.temperature_K if settled else np.inf
            failure = failure_of(now, bath, bonds[number]) if look else ""
            left = not failure and not errors.max() <= limit
            journeys[number] = Journey(start.phase, start.temperature_K, time_ps, left, failure)
            ends = bool(failure or left)
            if not ends or look == 0:
                last[number] = Frame(
                    _kept(now.atoms, start), number, time_ps, float(errors.mean()), float(errors.max())
                )
            if kept.get(number) is not last[number] and (ends or look % looks == 0):
                frames.append(last[number])
                kept[number] = last[number]
            if ends:
                walkers.stop(number)
            elif purpose.pressure_GPa is not None and look and start.phase != "surface":
                passed = chunk * settings.timestep_fs
                factor = _stretch(now, start.temperature_K, stress, purpose.pressure_GPa, passed, rng)
                walkers.stretch(number, factor)
        if not walkers.active:
            break
    if not all(np.isfinite(frame.worst) for frame in frames):
        raise TrainingError("what the committee predicts for the walkers' starts is not finite: a model has diverged")
    return frames, [journeys[number] for number in range(len(starts))]


def _bond(atoms: Atoms) -> float:
    symbols = set(atoms.symbols)
    if len(symbols) == 1 and (crystal := CRYSTALS.get(symbols.pop())):
        return crystal.bond(in_dft=crystal.pbe_lattice_constant_A is not None)
    return bond_length([atoms]) or 0.0


def _kept(atoms: Atoms, start: Start) -> Atoms:
    """Return a structure as a file keeps it: wrapped, rounded, with its slice."""
    copy = atoms.copy()
    copy.wrap()
    positions, cell = copy.positions.round(DIGITS), copy.cell.array.round(DIGITS)
    return Atoms(copy.symbols, positions, cell=cell, pbc=copy.pbc, info=dict(start.atoms.info))


def _stretch(
    now: Snapshot, bath_K: float, stress: np.ndarray, pressure_GPa: float, time_fs: float, rng: np.random.Generator
) -> float:
    """Return by what the lengths of a cell change in some time at a constant pressure.

    Stochastic cell rescaling, isotropic (M. Bernetti and G. Bussi, J. Chem. Phys. 153, 114107 (2020)).

    Args:
        now: the walker.
        bath_K: temperature of its bath.
        stress: of its potential energy, eV/Å^3, [3, 3].
        pressure_GPa: of the bath.
        time_fs: since the last change.
        rng: for the noise.
    """
    volume, thermal = now.atoms.get_volume(), units.kB * bath_K
    pressure = len(now.atoms) * units.kB * now.temperature_K / volume - np.trace(stress) / 3
    rate = _COMPRESSIBILITY / units.GPa * time_fs / _BAROSTAT_FS  # Å^3/eV
    change = rate * (pressure - pressure_GPa * units.GPa) + np.sqrt(2 * thermal * rate / volume) * rng.normal()
    return float(np.exp(np.clip(change, -_LARGEST_CHANGE, _LARGEST_CHANGE) / 3))
