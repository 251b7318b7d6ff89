"""What the benchmarks share: structures, models, processes to measure in, alternating repeats, tables."""

import argparse
import functools
import logging
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

    from al_core.models.bundle import Bundle
    from al_core.types import Label

Result = TypeVar("Result")
Runner = Callable[..., Any]

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS = tuple(sorted({1, CORES}))
DISPLACEMENT = 0.08  # Å, of every coordinate
ENERGY_WEIGHT = 10.0  # as in al_core.config.Training


def options(description: str | None, repeats: int, quick_repeats: int) -> argparse.Namespace:
    """Return the command line's ``quick`` and ``repeats``, and say on what machine this is."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a shorter version, under a minute")
    parser.add_argument("--repeats", type=int, help=f"times each side is measured (default {repeats})")
    given = parser.parse_args()
    given.repeats = given.repeats or (quick_repeats if given.quick else repeats)
    print((description or "").strip())
    print(
        f"\n{_processor()}, {CORES} cores, load {os.getloadavg()[0]:.1f} at the start; {given.repeats} repeats, median"
    )
    return given


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


# ---- structures and models -------------------------------------------------------------------------------------------


def silicon(n_atoms: int, seed: int = 0) -> "Atoms":
    """Return diamond Si with displaced atoms, a cell of 8 repeated as evenly as it goes: 8, 64, 216, 512, ... atoms."""
    from ase.build import bulk

    repeats = [1, 1, 1]
    for factor in _prime_factors(n_atoms // 8):
        repeats[repeats.index(min(repeats))] *= factor
    atoms: Atoms = bulk("Si", "diamond", a=5.431, cubic=True) * repeats
    assert len(atoms) == n_atoms
    atoms.rattle(DISPLACEMENT, rng=np.random.default_rng(seed))
    return atoms


def _prime_factors(number: int) -> list[int]:
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return sorted(factors, reverse=True)


def labelled(n_structures: int, n_atoms: int, seed: int = 0) -> "list[tuple[Atoms, Label]]":
    """Return displaced Si crystals with Stillinger-Weber labels."""
    from al_core.config.labelers import StillingerWeberLabeler as Settings
    from calculators.classical.stillinger_weber import StillingerWeberLabeler

    labeler = StillingerWeberLabeler(Settings())
    structures = [silicon(n_atoms, seed + number) for number in range(n_structures)]
    return [(atoms, labeler.label(atoms, Path(tempfile.gettempdir()))) for atoms in structures]


@functools.cache
def committee() -> "tuple[Bundle, ...]":
    """Return the four shipped silicon models: 32 channels, max L 0, 2 layers, r_max 5 Å, l_max 3, correlation 3."""
    from al_core.models.bundle import load_bundle
    from al_core.models.committee import committee_folders
    from al_core.models.sources.shipped import shipped_committee

    return tuple(load_bundle(folder) for folder in committee_folders(shipped_committee("si-pbe")))


@functools.cache
def stock_committee() -> Any:
    """Return stock's ``MACECalculator`` of the same four models, from ``.model`` files, with its default settings."""
    from al_core.models.engine.mace import export

    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / f"{number}.model") for number in range(len(committee()))]
        for bundle, file in zip(committee(), files, strict=True):
            export(bundle, Path(file))
        from mace.calculators import MACECalculator

        return MACECalculator(model_paths=files, device="cpu")


# ---- measuring -------------------------------------------------------------------------------------------------------


@contextmanager
def process(graft: bool) -> Iterator[Runner]:
    """Give a function that runs another one in a process of this side's own.

    Graft's side has the allocator set as its workers have (:func:`al_core.storage.processes.keep_freed_memory`);
    stock's is as Python starts it.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(graft,)) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def _start(graft: bool) -> None:
    import warnings

    from al_core.storage.processes import keep_freed_memory

    logging.disable(logging.WARNING)  # mace has much to say
    warnings.filterwarnings("ignore")
    if graft:
        keep_freed_memory()


def one_thread() -> None:
    """Set up a process that is one of several at work: one thread, and the allocator of Graft's workers."""
    import torch

    _start(graft=True)
    torch.set_num_threads(1)


def seconds(call: Callable[[], object], threads: int, times: int = 1) -> float:
    """Return the wall time of one call with so many threads; call it in the side's process.

    Where it is the mean of a few, another call goes before them: the other side has had the caches meanwhile.
    """
    import torch

    torch.set_num_threads(threads)
    if times > 1:
        call()
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begin) / times


@dataclass(frozen=True)
class Timing:
    """What one side took: seconds of each repeat, at its best number of threads."""

    threads: int
    all_seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.all_seconds)

    def __str__(self) -> str:
        low, high = 1e3 * min(self.all_seconds), 1e3 * max(self.all_seconds)
        return f"{1e3 * self.median:.1f} ({low:.1f} to {high:.1f})"


def compare(sides: Mapping[str, Callable[[int], float]], repeats: int) -> dict[str, Timing]:
    """Time all sides in turn, several times over, each with the number of threads that serves it best.

    Args:
        sides: a name and a function from a number of threads to the seconds of one measurement, warmed up already.
        repeats: how often.
    """
    best = {name: min(THREADS, key=side) for name, side in sides.items()}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            found[name].append(side(best[name]))
    return {name: Timing(best[name], tuple(values)) for name, values in found.items()}


# ---- telling ---------------------------------------------------------------------------------------------------------


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown, its columns aligned."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    print("\n" + "\n".join(lines) + "\n", flush=True)


def ratio(value: float) -> None:
    """Print the last line."""
    print(f"ratio: {value:.2f}")
