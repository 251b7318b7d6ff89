"""What one would simulate with a germanium potential grown from few labels; ``python -m benchmarks.potential``.

``rescaled`` trains on random labels of the shipped pool, with the default tuning, in several draws at each number of
labels. Of each committee's mean: force MAE on the test slices of 7 and 8 atoms and on cells of 64 (meV/Å), pressure
errors on the small slices (GPa; the mean over slices, and that of their size), lattice constant and relaxed elastic
constants. GPAW is at ``standard`` settings. A row is the mean over draws; of the lattice constant it is the
deviation, mean and largest.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._common import CORES, one_thread, table
from benchmarks._draws import drawn, shipped, trained

if TYPE_CHECKING:
    from al_core.models.bundle import Bundle

LATTICE_A, ELASTIC_GPA = 5.767, (103.8, 38.4, 49.6)  # of GPAW: a, and C11, C12, C44
SMALL = 8  # atoms
Row = dict[str, float]


def main() -> None:
    """Run the draws, two at a time on two cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="si-pbe-2", help="shipped silicon models (default %(default)s)")
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 4, 16], help="label budgets (default 1 4 16)")
    parser.add_argument("--draws", type=int, default=5, help="random draws of labels (default %(default)s)")
    parser.add_argument("--members", type=int, default=2, help="models of the committee (default %(default)s)")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    rows = []
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for labels in given.labels:
            draws = range(given.draws)
            found = list(
                pool.map(measure, *zip(*((given.source, given.members, labels, d) for d in draws), strict=True))
            )
            print(f"{labels} labels: {given.draws} draws done", flush=True)
            rows.append((labels, *_cells(found)))
    header = (
        "labels",
        "force, small",
        "force, 64 atoms",
        "pressure",
        "its size",
        "lattice constant off, % (largest)",
        "C11, C12, C44, GPa",
    )
    table(header, [*rows, ("GPAW", "", "", "", "", f"{LATTICE_A} Å", ", ".join(map(str, ELASTIC_GPA)))])


def _cells(found: list[Row]) -> list[str]:
    mean = {name: float(np.mean([row[name] for row in found])) for name in found[0]}
    off = [100 * abs(row["lattice_A"] / LATTICE_A - 1) for row in found]
    return [
        f"{mean['small']:.1f}",
        f"{mean['large']:.1f}",
        f"{mean['pressure']:+.2f}",
        f"{mean['pressure_size']:.2f}",
        f"{np.mean(off):.2f} ({max(off):.2f})",
        f"{mean['C11']:.0f}, {mean['C12']:.0f}, {mean['C44']:.0f}",
    ]


def measure(source: str, members: int, labels: int, draw: int) -> Row:
    """Train one committee and return what is measured on it."""
    import torch

    from al_core.evaluation.errors import slice_errors
    from al_core.models.prediction import predict

    cpu, test = torch.device("cpu"), shipped("ge-test-pbe")
    committee = trained("rescaled", drawn(labels, draw), draw, members, source)
    small, large = ([one for one in test if (len(one[0]) > SMALL) == big] for big in (False, True))
    errors = {
        name: slice_errors(predict(committee, [a for a, _ in part], cpu), part)
        for name, part in (("small", small), ("large", large))
    }
    pressures = [
        found["pressure_bias_GPa"]
        for name, found in errors["small"].items()
        if name != "all" and "pressure_bias_GPa" in found
    ]
    return {
        "small": errors["small"]["all"]["force_mae_meV_per_A"],
        "large": errors["large"]["all"]["force_mae_meV_per_A"],
        "pressure": float(np.mean(pressures)),
        "pressure_size": float(np.mean(np.abs(pressures))),
        **crystal(committee),
    }


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
