"""Sixteen walkers of 16 silicon atoms that know how unsure a committee of four is: Graft's batch against ASE in turn.

Langevin dynamics at 900 K, 2 fs, new neighbours at every step; the forces are the mean of four models and every step
has the standard deviation of each atom's force. ASE moves one walker after the other, with ``MACECalculator`` of the
same four, whose ``forces_comm`` has it. Picoseconds a day of all walkers.
Required: 4.
"""

from collections.abc import Callable
from functools import cache, partial

from benchmarks._common import committee, compare, options, process, ratio, seconds, silicon, stock_committee, table

WALKERS, ATOMS, STEP_FS, TEMPERATURE_K = 16, 16, 2.0, 900
SIDES = {"graft": WALKERS, "ASE with MACECalculator": 1}  # walkers that one call moves by one step


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=7, quick_repeats=3)
    with process(graft=True) as ours, process(graft=False) as stock:
        runners = dict(zip(SIDES, (ours, stock), strict=True))
        for name, run in runners.items():
            run(measure, name, 3, 1)  # TorchScript is slow at first
        sides = {name: partial(run, measure, name, 5 if name == "graft" else 30) for name, run in runners.items()}
        timings = compare(sides, given.repeats)
    steps_a_day = {name: 86400 * SIDES[name] / timing.median for name, timing in timings.items()}
    rows = [
        (name, timing.threads, f"{1e3 * timing.median / SIDES[name]:.2f}", f"{1e-3 * STEP_FS * steps_a_day[name]:.0f}")
        for name, timing in timings.items()
    ]
    table(("side", "threads", "ms a step and walker", "ps a day"), rows)
    ratio(steps_a_day["graft"] / steps_a_day["ASE with MACECalculator"])


def measure(side: str, times: int, threads: int) -> float:
    """Return the seconds of a step of all walkers that move together."""
    return seconds(_stepper(side), threads, times)


@cache
def _stepper(side: str) -> Callable[[], object]:
    import torch
    from ase import units
    from ase.md.langevin import Langevin

    from al_core.evaluation.walkers import Walkers
    from al_core.exploration.spread import SpreadForces
    from al_core.models.calculator import CommitteeCalculator
    from al_core.uncertainty.committee import force_deviation

    if side == "graft":
        forces = SpreadForces(CommitteeCalculator(committee(), torch.device("cpu")))
        structures = [silicon(ATOMS, number) for number in range(WALKERS)]
        walkers = Walkers(structures, forces, [TEMPERATURE_K] * WALKERS, STEP_FS, [0.01] * WALKERS)
        return partial(walkers.run, 1)
    atoms = silicon(ATOMS)
    atoms.calc = stock_committee()
    dynamics = Langevin(atoms, STEP_FS * units.fs, temperature_K=TEMPERATURE_K, friction=0.01 / units.fs)
    return lambda: (dynamics.run(1), force_deviation(atoms.calc.results["forces_comm"]))


if __name__ == "__main__":
    main()
