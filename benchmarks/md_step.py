"""One step of molecular dynamics with a committee of four: atoms move; energy, forces, stress and the forces' spread.

Graft's ``CommitteeCalculator`` against ``MACECalculator`` with the four models, both float32 and with new neighbours at
every step. The ratio is the smaller of the two sizes.
Required: 3.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from benchmarks._common import committee, compare, options, process, ratio, seconds, silicon, stock_committee, table

SIZES = (64, 512)
SIDES = ("graft", "MACECalculator")


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=11, quick_repeats=3)
    rows, ratios = [], []
    with process(graft=True) as ours, process(graft=False) as stock:
        runners = dict(zip(SIDES, (ours, stock), strict=True))
        for size in SIZES:
            times = 4 if size == SIZES[0] else 1
            predicted = {name: run(forces, name, size) for name, run in runners.items()}
            exact = ours(forces, "graft float64", size)
            for name, run in runners.items():
                run(measure, name, size, times, 1)  # TorchScript is slow at first
            sides = {name: partial(run, measure, name, size, times) for name, run in runners.items()}
            timings = compare(sides, given.repeats)
            ratios.append(timings["MACECalculator"].median / timings["graft"].median)
            for name, timing in timings.items():
                apart = f"{np.abs(predicted[name] - exact).max():.0e}"
                faster = f"{timings['MACECalculator'].median / timing.median:.2f}"
                rows.append((size, name, timing.threads, timing, f"{1e3 * timing.median / size:.3f}", apart, faster))
    table(("atoms", "side", "threads", "ms a step (range)", "ms/atom", "off float64, eV/Å", "times as fast"), rows)
    ratio(min(ratios))


def measure(side: str, size: int, times: int, threads: int) -> float:
    """Return the seconds of a step."""
    return seconds(_stepper(side, size), threads, times)


def forces(side: str, size: int) -> np.ndarray:
    """Return mean and spread of the forces after the first step, [2, n, 3], eV/Å."""
    return _stepper(side, size)()


@cache
def _stepper(side: str, size: int) -> Callable[[], np.ndarray]:
    import torch

    from al_core.models.calculator import CommitteeCalculator

    atoms, rng = silicon(size), np.random.default_rng(0)
    precision = torch.float64 if side.endswith("float64") else torch.float32
    graft = side.startswith("graft")
    atoms.calc = CommitteeCalculator(committee(), torch.device("cpu"), precision) if graft else stock_committee()

    def step() -> np.ndarray:
        atoms.positions += rng.normal(scale=0.01, size=(size, 3))
        mean, results = atoms.get_forces(), atoms.calc.results
        spread = results["forces_std"] if graft else results["forces_comm"].std(0)
        return np.stack([mean, spread])

    return step


if __name__ == "__main__":
    main()
