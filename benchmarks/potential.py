"""What one would simulate with a germanium potential grown from few labels; ``python -m benchmarks.potential``.

``rescaled`` trains on random labels of a shipped pool, with the default tuning, in several draws at each number of
labels. Of each committee's mean on the frozen test set: force MAE (meV/Å) and pressure error (GPa; its mean over slices
and that of its size) on small cells, of 7 and 8 atoms, and on large ones, of 63 and 64; lattice constant and relaxed
elastic constants; and the force MAE of every slice of large cells. GPAW is at ``standard`` settings. A row is the mean
over draws; of the lattice constant it is the deviation, mean and largest.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._common import CORES, one_thread, table
from benchmarks._draws import POOL, TEST, drawn, shipped, trained

if TYPE_CHECKING:
    from al_core.models.bundle import Bundle

LATTICE_A, ELASTIC_GPA = 5.767, (103.8, 38.4, 49.6)  # of GPAW: a, and C11, C12, C44
SMALL = 8  # atoms
Row = dict[str, float]


def main() -> None:
    """Run the draws, two at a time on two cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="si-pbe-2", help="shipped silicon models (default %(default)s)")
    parser.add_argument("--pool", default=POOL, help="shipped germanium structures with labels (default %(default)s)")
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 4, 16], help="label budgets (default 1 4 16)")
    parser.add_argument("--draws", type=int, default=5, help="random draws of labels (default %(default)s)")
    parser.add_argument("--members", type=int, default=2, help="models of the committee (default %(default)s)")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    rows, slices = [], []
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for labels in given.labels:
            jobs = [(given.source, given.pool, given.members, labels, draw) for draw in range(given.draws)]
            found = list(pool.map(measure, *zip(*jobs, strict=True)))
            print(f"{labels} labels: {given.draws} draws done", flush=True)
            rows.append((labels, *_cells(found)))
            slices.append((labels, *(f"{np.mean([row[name] for row in found]):.1f}" for name in _large())))
    header = [f"{size} cells: {name}" for size in ("small", "large") for name in ("forces", "pressure", "its size")]
    known = ("GPAW", *[""] * len(header), f"{LATTICE_A} Å", ", ".join(map(str, ELASTIC_GPA)))
    table(("labels", *header, "lattice constant off, % (largest)", "C11, C12, C44, GPa"), [*rows, known])
    table(("labels", *_large()), slices)


def _large() -> list[str]:
    from al_core.structures.datasets import slice_of

    return list(dict.fromkeys(slice_of(atoms) for atoms, _ in shipped(TEST) if len(atoms) > SMALL))


def _cells(found: list[Row]) -> list[str]:
    mean = {name: float(np.mean([row[name] for row in found])) for name in found[0]}
    off = [100 * abs(row["lattice_A"] / LATTICE_A - 1) for row in found]
    by_size = [
        (f"{mean[f'{size}_force']:.1f}", f"{mean[f'{size}_pressure']:+.2f}", f"{mean[f'{size}_pressure_size']:.2f}")
        for size in ("small", "large")
    ]
    return [
        *by_size[0],
        *by_size[1],
        f"{np.mean(off):.2f} ({max(off):.2f})",
        f"{mean['C11']:.0f}, {mean['C12']:.0f}, {mean['C44']:.0f}",
    ]


def measure(source: str, pool: str, members: int, labels: int, draw: int) -> Row:
    """Train one committee and return what is measured on it."""
    import torch

    from al_core.evaluation.errors import ALL, slice_errors
    from al_core.models.prediction import predict

    test = shipped(TEST)
    committee = trained("rescaled", drawn(labels, draw, pool), draw, members, source, pool)
    found = slice_errors(predict(committee, [atoms for atoms, _ in test], torch.device("cpu")), test)
    large, row = _large(), crystal(committee)
    for size, names in (("small", [name for name in found if name not in (*large, ALL)]), ("large", large)):
        row[f"{size}_force"] = float(np.mean([found[name]["force_mae_meV_per_A"] for name in names]))
        pressures = [bias for name in names if (bias := found[name].get("pressure_bias_GPa")) is not None]
        row[f"{size}_pressure"] = float(np.mean(pressures))
        row[f"{size}_pressure_size"] = float(np.mean(np.abs(pressures)))
    return row | {name: found[name]["force_mae_meV_per_A"] for name in large}


def crystal(committee: "list[Bundle]") -> Row:
    """Return lattice constant (Å) and relaxed elastic constants (GPa) of the diamond crystal."""
    import torch

    from al_core.config.evaluation import ElasticEvaluation, LatticeEvaluation
    from al_core.evaluation.properties import of_potential, together
    from al_core.models.calculator import CommitteeCalculator

    potential = CommitteeCalculator(committee, torch.device("cpu"), torch.float64)
    found = together(of_potential(potential, "Ge", [LatticeEvaluation(phases=()), ElasticEvaluation()]))
    names = {"lattice_A": "lattice_constant_A", "C11": "C11_GPa", "C12": "C12_GPa", "C44": "C44_GPa"}
    return {short: float("nan") if (value := found[name].value) is None else value for short, name in names.items()}


if __name__ == "__main__":
    main()
