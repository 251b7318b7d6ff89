"""Screening a pool: mean and spread of the forces of four models on 8-atom structures.

Graft's ``predict`` against ``MACECalculator`` with the four models as it is used by default: one structure after the
other, float32. Studies screen in float32, too; ``predict`` is in float64 by default.
Required: 6.
"""

from functools import cache, partial

import numpy as np

from benchmarks._common import committee, compare, options, process, ratio, seconds, silicon, stock_committee, table

STRUCTURES, QUICK_STRUCTURES, ATOMS = 500, 24, 8


def main() -> None:
    """Run the comparison."""
    given = options(__doc__, repeats=5, quick_repeats=3)
    n = QUICK_STRUCTURES if given.quick else STRUCTURES
    if given.quick:
        print(f"quick: {n} structures instead of {STRUCTURES}")
    with process(graft=True) as ours, process(graft=False) as stock:
        runners = {"graft float32": ours, "graft float64": ours, "MACECalculator": stock}
        predicted = {name: run(forces, name, 12) for name, run in runners.items()}  # and TorchScript is slow at first
        sides = {name: partial(run, measure, name, n) for name, run in runners.items()}
        timings = compare(sides, given.repeats)
    graft, reference = timings["graft float32"], predicted["graft float64"]
    rows = [
        (
            name,
            timing.threads,
            f"{timing.median:.2f} ({min(timing.all_seconds):.2f} to {max(timing.all_seconds):.2f})",
            f"{1e3 * timing.median / n:.2f}",
            f"{timings['MACECalculator'].median / timing.median:.2f}",
            f"{np.abs(predicted[name] - reference).max():.0e}",
        )
        for name, timing in timings.items()
    ]
    table(("side", "threads", f"s for {n} structures (range)", "ms each", "times as fast", "off float64, eV/Å"), rows)
    ratio(timings["MACECalculator"].median / graft.median)


def measure(side: str, n: int, threads: int) -> float:
    """Return the seconds of a screening."""
    _pool(n)
    _warm(side)
    return seconds(lambda: forces(side, n), threads)


def forces(side: str, n: int) -> np.ndarray:
    """Return mean and standard deviation of the forces, [2, n atoms in all, 3], eV/Å."""
    if side == "MACECalculator":
        return _stock_forces(n)
    import torch

    from al_core.models.prediction import predict

    precision = getattr(torch, side.removeprefix("graft "))
    predicted = predict(committee(), _pool(n), torch.device("cpu"), precision)
    return np.concatenate([np.stack([one.mean(0), one.std(0)]) for one in predicted.forces], axis=1)


def _stock_forces(n: int) -> np.ndarray:
    calculator, found = stock_committee(), []
    for atoms in _pool(n):
        calculator.calculate(atoms)
        every = calculator.results["forces_comm"]
        found.append(np.stack([every.mean(0), every.std(0)]))
    return np.concatenate(found, axis=1)


@cache
def _warm(side: str) -> None:
    forces(side, 12)


@cache
def _pool(n: int) -> list:
    return [silicon(ATOMS, seed) for seed in range(n)]


if __name__ == "__main__":
    main()
