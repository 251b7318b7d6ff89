"""How far the engine is from the machine's limit, one thread.

Measured: the peak of float32 matrix products and the memory bandwidth. Counted: the multiply-adds and bytes the
regrouped mathematics needs for one structure and one model. The ratio is the share of the peak that a training step of
64-atom structures reaches.

Multiply-adds (N atoms, E = 2 P neighbours, P pairs, C channels, M = 16 harmonics, H = 64 hidden, per layer): the radial
network for value and derivative, 2 P (8 H + 2 H^2 + 4 C H); the convolution and its two derivatives, 3 E C M; the
product basis with its gradient, N C (M 136 + M^2 + M); linear maps there and back, 2 N (M + 3) C^2. Training: three
times as much. Element-wise work is not counted. Bytes: every array between two of these products written once and read
once, which is what a cache too small for it costs; training: three times as much.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks._common import committee, labelled, options, process, ratio, silicon, table
from benchmarks.train_step import measure as train_step_seconds

CASES = (("training step", 4, 8), ("training step", 2, 64), ("inference", 32, 8), ("inference", 1, 64))


def main() -> None:
    """Measure and count."""
    given = options(__doc__, repeats=9, quick_repeats=3)
    rows, last = [], 0.0
    with process(graft=True) as run:
        peak = max(run(matmul_rate) for _ in range(given.repeats))
        bandwidth = max(run(copy_rate) for _ in range(given.repeats))
        for work, structures, atoms in CASES:
            need = run(needs, atoms)
            factor = structures * (3 if work.startswith("training") else 1)
            call = partial(train_step_seconds, "graft") if work.startswith("training") else inference_seconds
            run(call, structures, atoms, 2, 1)
            spent = min(run(call, structures, atoms, 3, 1) for _ in range(given.repeats))
            at_peak, moving = 2 * need.multiply_adds * factor / peak, need.bytes * factor / bandwidth
            if (work, atoms) == ("training step", 64):
                last = at_peak / spent
            rows.append(
                (
                    f"{work}, {structures} x {atoms} atoms",
                    f"{need.multiply_adds * factor / 1e6:.0f}",
                    f"{need.bytes * factor / 1e6:.0f}",
                    f"{1e3 * at_peak:.1f}",
                    f"{1e3 * moving:.1f}",
                    f"{1e3 * spent:.1f}",
                    f"{100 * at_peak / spent:.0f} %",
                    f"{100 * (at_peak + moving) / spent:.0f} %",
                )
            )
    print(
        f"\npeak {peak / 1e9:.0f} GFLOP/s (float32 matrix product), {bandwidth / 1e9:.1f} GB/s (copy, read and written)"
    )
    header = (
        "one model",
        "10^6 multiply-adds",
        "MB",
        "ms at peak",
        "ms to move",
        "ms measured",
        "of the peak",
        "of both",
    )
    table(header, rows)
    ratio(last)


@dataclass(frozen=True)
class Needs:
    """What one structure and one model need for energy and forces."""

    multiply_adds: int
    bytes: int


def needs(n_atoms: int) -> Needs:
    """Count multiply-adds and bytes for one structure."""
    from al_core.models.engine.neighbours import number_of_edges

    architecture = committee()[0].architecture
    edges = number_of_edges(silicon(n_atoms), architecture.r_max)
    pairs, c, m = edges // 2, architecture.channels, (architecture.l_max + 1) ** 2
    paths = architecture.l_max + 1
    widths = (architecture.radial_functions, *architecture.radial_mlp, paths * c)
    radial = 2 * pairs * sum(a * b for a, b in itertools.pairwise(widths))
    convolution = 3 * edges * c * m
    triangle = m * (m + 1) // 2
    product = n_atoms * c * (m * triangle + m * m + m)
    linear = 2 * n_atoms * (m + 3) * c * c
    hidden = 2 * pairs * sum(widths[1:])  # values and derivatives of every level of the radial network
    per_edge = 3 * edges * paths * c  # radial weights, times neighbours, and their derivative
    fixed = edges * m * 4  # harmonics and their derivatives
    per_atom = n_atoms * c * (triangle + 6 * m)  # pairs of components; messages, gradients and their mixing
    layers = architecture.layers
    numbers = 2 * layers * (hidden + per_edge + per_atom) + layers * fixed
    return Needs(layers * (radial + convolution + product + linear), 4 * numbers)


def matmul_rate(size: int = 1024) -> float:
    """Return floating point operations a second of a float32 matrix product on one thread."""
    import torch

    torch.set_num_threads(1)
    a, b = torch.rand(size, size), torch.rand(size, size)
    out = torch.empty(size, size)
    return 2 * size**3 / _shortest(lambda: torch.mm(a, b, out=out))


def copy_rate(megabytes: int = 256) -> float:
    """Return the bytes a second that copying a large array reads and writes on one thread."""
    import torch

    torch.set_num_threads(1)
    a = torch.rand(megabytes * 250_000)
    b = torch.empty_like(a)
    return 2 * a.nbytes / _shortest(lambda: b.copy_(a))


def _shortest(call: Callable[[], object], times: int = 8) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return min(found)


def inference_seconds(structures: int, atoms: int, times: int, threads: int) -> float:
    """Return the seconds one model takes for energies and forces of a batch, its neighbours known."""
    import torch

    from al_core.models.engine.stack import stack

    torch.set_num_threads(threads)
    models = stack(committee()[:1], torch.float32, torch.device("cpu"))
    prepared = models.network.prepare([one for one, _ in labelled(structures, atoms)])
    batch = models.network.join(prepared)
    with torch.no_grad():
        models.network(models.weights, batch)
        begin = time.perf_counter()
        for _ in range(times):
            models.network(models.weights, batch)
    return (time.perf_counter() - begin) / times


if __name__ == "__main__":
    main()
