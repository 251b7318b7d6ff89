"""Labels an hour by number of workers: ``python -m benchmarks.labels_per_hour``; two minutes.

A label waits for a second and then is computed by Stillinger-Weber, so that all workers have a core to themselves on
any machine. It goes through the runner of this machine's site (Dask) and into an SQLite store, as in a study; each
worker has 20. What one worker does is the ratio's other side: the aim is the number of workers.
"""

import argparse
import tempfile
import time
from functools import cache
from importlib import import_module
from pathlib import Path

from ase.build import bulk

from al_core.config.labelers import StillingerWeberLabeler
from al_core.config.site import LocalSite
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.types import Labeler
from benchmarks._common import ratio, table
from calculators.base import make_labeler
from flows.runtime.runner import make_runner

SECONDS, EACH = 1.0, 20


def main() -> None:
    """Label with each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2,4,8,16", help="numbers of workers (default %(default)s)")
    numbers = [int(number) for number in parser.parse_args().workers.split(",")]
    print((__doc__ or "").strip())
    rates = {workers: _labels_per_hour(workers) for workers in numbers}
    first = rates[numbers[0]] / numbers[0]
    rows = [
        (workers, f"{rate:.0f}", f"{rate / workers / first:.1%}", f"{1e3 * (3600 * workers / rate - SECONDS):.0f}")
        for workers, rate in rates.items()
    ]
    table(("workers", "labels an hour", "efficiency", "a label beyond its second, ms"), rows)
    ratio(rates[numbers[-1]] / first)


def _labels_per_hour(workers: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        LabelStore(folder / "labels.db")
        with make_runner(LocalSite(workers=workers), folder) as runner:
            for started in [runner.submit(wait_and_label, -number, folder) for number in range(1, workers + 1)]:
                started.result()  # processes have started and imported
            begin = time.perf_counter()
            for done in [runner.submit(wait_and_label, number, folder) for number in range(EACH * workers)]:
                done.result()
            return 3600 * EACH * workers / (time.perf_counter() - begin)


@cache
def _labeler() -> Labeler:
    return make_labeler(StillingerWeberLabeler())


def wait_and_label(number: int, folder: Path) -> None:
    """Label the structure of a number; runs on a worker."""
    atoms = bulk("Ge", cubic=True)
    atoms.rattle(0.1, seed=number % 2**32)
    time.sleep(SECONDS)
    obtain_label(LabelStore(folder / "labels.db"), _labeler(), atoms, folder / "labels")


if __name__ == "__main__":
    import_module("benchmarks.labels_per_hour").main()  # by this name workers find what they run
