"""Walkers of silicon by a committee of four: Graft's batch against ASE and MACECalculator, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from benchmarks._common import committee, compare, options, process, ratio, seconds, silicon, stock_committee, table

GRAFT, ASE = "graft", "ASE with MACECalculator"
_STEP_FS, _TEMPERATURE_K, _FRICTION_PER_FS = 2.0, 900, 0.01
_A_DAY = 86400


@dataclass(frozen=True)
class Walking:
    """Langevin dynamics to be timed.

    Attributes:
        walkers, atoms: how many, and of how many atoms each.
        spread: whether every step has the standard deviation of each atom's force.
        steps: in one measurement, by Graft and by ASE.
        repeats: of measurements, and with ``--quick``.
        unit: ``ps`` or ``ns``, of what is told of a day.
    """

    walkers: int
    atoms: int
    spread: bool
    steps: tuple[int, int]
    repeats: tuple[int, int]
    unit: str


def run(description: str | None, walking: Walking) -> None:
    """Time both sides, print the table and the ratio."""
    given = options(description, repeats=walking.repeats[0], quick_repeats=walking.repeats[1])
    together = {GRAFT: walking.walkers, ASE: 1}  # walkers that one call moves by one step
    with process(graft=True) as ours, process(graft=False) as stock:
        sides = {}
        for name, run, steps in zip(together, (ours, stock), walking.steps, strict=True):
            run(measure, walking, name, 3, 1)  # TorchScript is slow at first
            sides[name] = partial(run, measure, walking, name, steps)
        timings = compare(sides, given.repeats)
    steps_a_day = {name: _A_DAY * together[name] / timing.median for name, timing in timings.items()}
    scale = {"ps": 1e-3, "ns": 1e-6}[walking.unit] * _STEP_FS
    decimals = {"ps": 0, "ns": 2}[walking.unit]
    rows = [
        (
            name,
            timing.threads,
            f"{1e3 * timing.median / together[name]:.2f}",
            f"{scale * steps_a_day[name]:.{decimals}f}",
        )
        for name, timing in timings.items()
    ]
    table(("side", "threads", "ms a step and walker", f"{walking.unit} a day"), rows)
    ratio(steps_a_day[GRAFT] / steps_a_day[ASE])


def measure(walking: Walking, side: str, times: int, threads: int) -> float:
    """Return the seconds of a step of all walkers that move together."""
    return seconds(_stepper(walking, side), threads, times)


@cache
def _stepper(walking: Walking, side: str) -> Callable[[], object]:
    import torch
    from ase import units
    from ase.md.langevin import Langevin

    from al_core.evaluation.walkers import Walkers, batched
    from al_core.exploration.spread import SpreadForces
    from al_core.models.calculator import CommitteeCalculator
    from al_core.uncertainty.committee import force_deviation

    if side == GRAFT:
        potential = CommitteeCalculator(committee(), torch.device("cpu"))
        forces = SpreadForces(potential) if walking.spread else batched(potential)
        count = walking.walkers
        structures = [silicon(walking.atoms, number) for number in range(count)]
        walkers = Walkers(structures, forces, [_TEMPERATURE_K] * count, _STEP_FS, [_FRICTION_PER_FS] * count)
        return partial(walkers.run, 1)
    atoms = silicon(walking.atoms)
    atoms.calc = stock_committee()
    friction = _FRICTION_PER_FS / units.fs
    dynamics = Langevin(atoms, _STEP_FS * units.fs, temperature_K=_TEMPERATURE_K, friction=friction)
    if not walking.spread:
        return partial(dynamics.run, 1)
    return lambda: (dynamics.run(1), force_deviation(atoms.calc.results["forces_comm"]))
