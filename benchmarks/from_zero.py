"""Who can explore before there are labels? Walkers by committees of scratch, transfer and rescaled.

``python -m benchmarks.from_zero``: germanium crystals with and without a vacancy, of 7 to 16 atoms, at 300 and 900 K,
walk for two picoseconds, with 0 to 16 labels. These are random ones of the shipped pool, in several draws. Printed are
the share of walkers that are physical to the end, and the mean time until they are not (ps).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks._common import CORES, one_thread, table
from benchmarks._draws import drawn, trained

PICOSECONDS = 2.0


def main() -> None:
    """Run the draws, two at a time on two cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=["scratch", "transfer", "rescaled"])
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 1, 4, 16], help="budgets (default 0 1 4 16)")
    parser.add_argument("--draws", type=int, default=2, help="random draws of labels (default %(default)s)")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    rows = []
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for labels in given.labels:
            for arm in given.arms:
                jobs = [(arm, labels, draw) for draw in range(given.draws)]
                times = np.concatenate(list(pool.map(walk, *zip(*jobs, strict=True))))
                whole = times >= 0.99 * PICOSECONDS
                rows.append((labels, arm, f"{whole.sum()} of {len(whole)}", f"{times.mean():.2f}"))
                print(f"{labels} labels, {arm}: {rows[-1][2]}, {rows[-1][3]} ps", flush=True)
    table(("labels", "arm", "walkers physical to the end", "mean time, ps"), rows)


def walk(arm: str, labels: int, draw: int) -> list[float]:
    """Return how long each walker was physical, ps."""
    import torch

    from al_core.config.growth import Exploration, Purpose
    from al_core.exploration.explore import explore
    from al_core.exploration.starts import crystal_of, starting_points
    from al_core.models.calculator import CommitteeCalculator
    from al_core.uncertainty.calibration import Calibration

    committee = CommitteeCalculator(trained(arm, drawn(labels, draw), draw), torch.device("cpu"))
    purpose = Purpose()
    settings = Exploration(walkers=8, picoseconds=PICOSECONDS, timestep_fs=4, window=(1, 1e9))
    starts = starting_points(purpose, settings, crystal_of("Ge", None), draw, 0)
    _, journeys = explore(committee, starts, purpose, settings, Calibration(), draw)
    return [one.time_ps for one in journeys]


if __name__ == "__main__":
    main()
