"""Labels an hour by number of workers: ``python -m benchmarks.labels_per_hour``; four minutes.

A label waits for a second and then is computed by Stillinger-Weber, so that all workers have a core to themselves on
any machine. It goes through the runner of this machine's site (Dask) and into an SQLite store, as in a study; each
worker has 20, after 20 in which workers and jobs start. What one worker does is the ratio's other side: the aim is the
number of workers.

``--site FILE --workers N --labels 200`` measures a site whose workers and jobs have N cores together, against labels
that take their second and nothing else: the ratio's aim is 1. The start of jobs and workers is told apart, and so is
what a label takes by itself beyond its second: it is computed, and its reservation and result are written to the disk.
What is left is the queue's, Dask's, and workers' that wait at the end.
"""

import argparse
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from ase.build import bulk

from al_core.config.labelers import StillingerWeberLabeler
from al_core.config.reading import read_yaml
from al_core.config.site import AnySite, LocalSite
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from al_core.types import Labeler
from benchmarks._common import ratio, table
from calculators.base import make_labeler
from flows.planning import checked_site
from flows.runtime.runner import make_runner

SECONDS, EACH = 1.0, 20


def main() -> None:
    """Label with each number of workers, or on a site."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2,4,8,16", help="numbers of workers (default %(default)s)")
    parser.add_argument("--site", type=Path, metavar="FILE", help="the settings of a site")
    parser.add_argument("--labels", type=int, help=f"how many in all (default {EACH} a worker)")
    given = parser.parse_args()
    numbers = [int(number) for number in given.workers.split(",")]
    print((__doc__ or "").strip())
    site = checked_site(read_yaml(given.site, "site")) if given.site else None
    measured = {number: _measured(site or LocalSite(workers=number), number, given.labels) for number in numbers}
    ideal = 3600 / SECONDS if site else measured[numbers[0]].rate / numbers[0]
    rows = [
        (
            *(workers, f"{one.rate:.0f}", f"{one.rate / workers / ideal:.1%}"),
            *(f"{1e3 * (3600 * workers / one.rate - SECONDS):.0f}", f"{1e3 * one.own:.0f}", f"{one.start:.1f}"),
        )
        for workers, one in measured.items()
    ]
    table(
        ("workers", "labels an hour", "efficiency", "a label beyond its second, ms", "by itself, ms", "start, s"), rows
    )
    ratio(measured[numbers[-1]].rate / ideal / (numbers[-1] if site else 1))


@dataclass(frozen=True)
class Measured:
    """What some workers did.

    Attributes:
        rate: labels an hour.
        own: seconds that a label took in its worker, beyond the second it waited.
        start: seconds until the first of as many labels before, in which all workers start, less the one it waited.
    """

    rate: float
    own: float
    start: float


def _measured(site: AnySite, workers: int, labels: int | None) -> Measured:
    number = labels or EACH * workers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        LabelStore(folder / "labels.db")
        begin = time.perf_counter()
        with make_runner(site, folder) as runner:
            first = [runner.submit(wait_and_label, -one, folder, dft=True) for one in range(1, EACH * workers + 1)]
            first[0].result()
            start = time.perf_counter() - begin - SECONDS
            seen = {done.result()[1] for done in first}
            if len(seen) < workers:
                raise SystemExit(
                    f"expected {workers} workers of one core, found {len(seen)}; give --workers {len(seen)}"
                )
            begin = time.perf_counter()
            submitted = [runner.submit(wait_and_label, one, folder, dft=True) for one in range(number)]
            own = sum(done.result()[0] for done in submitted) / number
            return Measured(3600 * number / (time.perf_counter() - begin), own, start)


@cache
def _labeler() -> Labeler:
    return make_labeler(StillingerWeberLabeler())


def wait_and_label(number: int, folder: Path) -> tuple[float, str]:
    """Wait, and label the structure of a number; runs on a worker.

    Returns:
        The seconds that the label took, and the process it was computed by.
    """
    time.sleep(SECONDS)
    begin = time.perf_counter()
    atoms = bulk("Ge", cubic=True)
    atoms.rattle(0.1, seed=number % 2**32)
    obtain_label(LabelStore(folder / "labels.db"), _labeler(), atoms, folder / "labels")
    return time.perf_counter() - begin, f"{platform.node()} {os.getpid()}"


if __name__ == "__main__":
    import_module("benchmarks.labels_per_hour").main()  # by this name workers find what they run
