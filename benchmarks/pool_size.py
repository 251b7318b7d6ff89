"""A pool drawn from a file with a million frames: ``python -m benchmarks.pool_size``; some minutes, 1 GB of disk.

Files of frames of eight atoms, of which ``pool.at_most`` draws 10,000 for a study: seconds, and what the process then
takes beyond what it took before. The ratio is of the memory that reading all frames takes, for the file before the
largest, to that of drawing from it.
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path

import psutil
from ase.build import bulk
from ase.io import write

from benchmarks._common import ratio, table

SIZES = (10_000, 100_000, 1_000_000)
DRAWN = 10_000


def main() -> None:
    """Write the files, and read each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 of 2,000 and 20,000 frames")
    quick = parser.parse_args().quick
    sizes, drawn = ((2_000, 20_000), 1_000) if quick else (SIZES, DRAWN)
    print((__doc__ or "").strip())
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        for size in sizes:
            file = Path(folder) / f"{size}.extxyz"
            write(file, bulk("Ge", "diamond", 5.7, cubic=True))
            frame = file.read_bytes()
            with file.open("ab") as more:
                more.writelines(frame for _ in range(size - 1))
            seconds, memory = pool.apply(_read, (file, drawn))
            rows.append((f"{size:,}", f"{drawn:,}", f"{seconds:.0f}", f"{memory:.0f}"))
            if size == sizes[-2]:
                whole, few = pool.apply(_read, (file, None))[1], memory
        table(("frames", "drawn", "s", "memory MB"), rows)
    ratio(whole / few)


def _read(file: Path, at_most: int | None) -> tuple[float, float]:
    from al_core.structures.datasets import read_structures

    process = psutil.Process()
    before, begin = process.memory_info().rss, time.perf_counter()
    structures = read_structures(file, at_most)
    taken = process.memory_info().rss - before
    assert structures  # they are still there
    return time.perf_counter() - begin, taken / 1e6


if __name__ == "__main__":
    main()
