"""Labels an hour by number of workers: ``python -m benchmarks.labels_per_hour``; two minutes.

A label waits for a second and then is computed by Stillinger-Weber, so that all workers have a core to themselves on
any machine. It goes through the runner of this machine's site (Dask) and into an SQLite store, as in a study; each
worker has 20. What one worker does is the ratio's other side: the aim is the number of workers.

``--site FILE --workers N --labels 200`` measures a site whose workers and jobs have N cores together, against labels
that take their second and nothing else: the ratio's aim is 1. The start of jobs and workers is told apart.
"""

import argparse
import tempfile
import time
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
    ideal = 3600 / SECONDS if site else measured[numbers[0]][0] / numbers[0]
    rows = [
        (
            *(workers, f"{rate:.0f}", f"{rate / workers / ideal:.1%}"),
            *(f"{1e3 * (3600 * workers / rate - SECONDS):.0f}", f"{start:.1f}"),
        )
        for workers, (rate, start) in measured.items()
    ]
    table(("workers", "labels an hour", "efficiency", "a label beyond its second, ms", "start, s"), rows)
    ratio(measured[numbers[-1]][0] / ideal / (numbers[-1] if site else 1))


def _measured(site: AnySite, workers: int, labels: int | None) -> tuple[float, float]:
    """Return labels an hour, and the seconds until all workers have labelled for the first time."""
    number = labels or EACH * workers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        LabelStore(folder / "labels.db")
        begin = time.perf_counter()
        with make_runner(site, folder) as runner:
            first = [runner.submit(wait_and_label, -one, folder, dft=True) for one in range(1, workers + 1)]
            for started in first:
                started.result()
            start, begin = time.perf_counter() - begin - SECONDS, time.perf_counter()
            for done in [runner.submit(wait_and_label, one, folder, dft=True) for one in range(number)]:
                done.result()
            return 3600 * number / (time.perf_counter() - begin), start


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
