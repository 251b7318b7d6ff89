"""Twenty walkers of 64 silicon atoms with a committee of four: Graft's batch against ASE and MACECalculator in turn.

Langevin dynamics at 900 K, 2 fs, new neighbours at every step. Graft moves all walkers together by the mean of four
models; ASE moves one after the other, with ``MACECalculator`` of the same four. Nanoseconds a day of all walkers.
Required: 4.
"""

from collections.abc import Callable
from functools import cache, partial

from benchmarks._common import committee, compare, options, process, ratio, seconds, silicon, stock_committee, table

WALKERS, ATOMS, STEP_FS, TEMPERATURE_K = 20, 64, 2.0, 900
SIDES = {"graft": WALKERS, "ASE with MACECalculator": 1}  # walkers that one call moves by one step


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=5, quick_repeats=2)
    with process(graft=True) as ours, process(graft=False) as stock:
        runners = dict(zip(SIDES, (ours, stock), strict=True))
        for name, run in runners.items():
            run(measure, name, 3, 1)  # TorchScript is slow at first
        sides = {name: partial(run, measure, name, 2 if name == "graft" else 20) for name, run in runners.items()}
        timings = compare(sides, given.repeats)
    steps_a_day = {name: 86400 * SIDES[name] / timing.median for name, timing in timings.items()}
    rows = [
        (name, timing.threads, f"{1e3 * timing.median / SIDES[name]:.1f}", f"{1e-6 * STEP_FS * steps_a_day[name]:.2f}")
        for name, timing in timings.items()
    ]
    table(("side", "threads", "ms a step and walker", "ns a day"), rows)
    ratio(steps_a_day["graft"] / steps_a_day["ASE with MACECalculator"])


def measure(side: str, times: int, threads: int) -> float:
    """Return the seconds of a step of all walkers that move together."""
    return seconds(_stepper(side), threads, times)


@cache
def _stepper(side: str) -> Callable[[], object]:
    import torch
    from ase import units
    from ase.md.langevin import Langevin

    from al_core.evaluation.walkers import Walkers, batched
    from al_core.models.calculator import CommitteeCalculator

    if side == "graft":
        potential = CommitteeCalculator(committee(), torch.device("cpu"))
        structures = [silicon(ATOMS, number) for number in range(WALKERS)]
        temperatures, frictions = [TEMPERATURE_K] * WALKERS, [0.01] * WALKERS
        walkers = Walkers(structures, batched(potential), temperatures, STEP_FS, frictions)
        return partial(walkers.run, 1)
    atoms = silicon(ATOMS)
    atoms.calc = stock_committee()
    dynamics = Langevin(atoms, STEP_FS * units.fs, temperature_K=TEMPERATURE_K, friction=0.01 / units.fs)
    return partial(dynamics.run, 1)


if __name__ == "__main__":
    main()
