"""Does a committee know its error? Expected against actual force errors on the frozen germanium test set.

``python -m benchmarks.calibration``: committees train on random labels of the shipped pool, several draws. What their
disagreement stands for is found by cross-validation over the same labels, as ``graft grow`` does. Printed are, on the
test set: the actual and the expected force MAE (meV/Å), the share of force components within 68, 90 and 95 % intervals
(mean and range over draws; the mean over slices of 7 and 8 atoms), Spearman's correlation of expected and actual error
over structures, and the mean squared z of each slice (mean over draws).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks._common import CORES, one_thread, table
from benchmarks._draws import TEST, drawn, shipped, trained

FOLDS = 4
SMALL = 8  # atoms


def main() -> None:
    """Run the draws, two at a time on two cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=["rescaled"], help="of scratch, transfer, rescaled")
    parser.add_argument("--labels", type=int, nargs="+", default=[4, 8, 16], help="label budgets (default 4 8 16)")
    parser.add_argument("--draws", type=int, default=5, help="random draws of labels (default %(default)s)")
    parser.add_argument("--members", type=int, default=2, help="models of the committee (default %(default)s)")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    rows, slices = [], []
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        for arm in given.arms:
            for labels in given.labels:
                jobs = [(arm, given.members, labels, draw) for draw in range(given.draws)]
                found = list(pool.map(measure, *zip(*jobs, strict=True)))
                rows.append((arm, labels, *_cells(found)))
                print(f"{arm}, {labels} labels: 90 % interval covers {rows[-1][6]} %", flush=True)
                slices.append(
                    (arm, labels, *(f"{np.mean([one['zms'][name] for one in found]):.2f}" for name in _names()))
                )
    covered = [f"{level:.0%} interval covers, %" for level in (0.68, 0.90, 0.95)]
    table(("arm", "labels", "force MAE", "expected", "scale", *covered, "Spearman"), rows)
    table(("ZMS: arm", "labels", *_names()), slices)


def _names(largest: int = 64) -> list[str]:
    from al_core.structures.datasets import slice_of

    return list(dict.fromkeys(slice_of(atoms) for atoms, _ in shipped(TEST) if len(atoms) <= largest))


def _cells(found: list[dict[str, Any]]) -> list[str]:
    cells = [f"{np.mean([one[name] for one in found]):.1f}" for name in ("mae", "expected", "scale")]
    for level in (0.68, 0.90, 0.95):
        covered = [one["coverage"][level] for one in found]
        cells.append(f"{np.mean(covered):.0f} ({min(covered):.0f} to {max(covered):.0f})")
    return [*cells, f"{np.mean([one['spearman'] for one in found]):.2f}"]


def measure(arm: str, members: int, labels: int, draw: int) -> dict[str, Any]:
    """Train one committee and those that lack a part of its labels; return how its expected errors hold."""
    import torch
    from scipy.stats import spearmanr

    from al_core.models.prediction import predict
    from al_core.structures.datasets import slice_of
    from al_core.uncertainty.calibration import Residuals, calibration, reliability
    from al_core.uncertainty.committee import force_deviation

    def residuals(committee: Any, labelled: Any) -> list[Residuals]:
        forces = predict(committee, [atoms for atoms, _ in labelled], torch.device("cpu")).forces
        return [
            Residuals(own.mean(axis=0) - label.forces, force_deviation(own))
            for own, (_, label) in zip(forces, labelled, strict=True)
        ]

    known = drawn(labels, draw)
    parts = [known[first::FOLDS] for first in range(min(FOLDS, labels))]
    unseen = []
    for part in parts:
        rest = [one for other in parts if other is not part for one in other]
        unseen += residuals(trained(arm, rest, draw, members, as_of=labels), part)
    found = calibration(unseen)
    test = shipped(TEST)
    tested = residuals(trained(arm, known, draw, members), test)
    by_slice = {
        name: [one for one, (atoms, _) in zip(tested, test, strict=True) if slice_of(atoms) == name]
        for name in _names()
    }
    reliable = {name: reliability(found, own) for name, own in by_slice.items()}
    small = [dict(reliable[name].coverage) for name in _names(SMALL)]
    actual = [float(np.abs(one.errors).mean()) for one in tested]
    expected = [float(found.expected_errors(one.deviations).mean()) for one in tested]
    return {
        "mae": 1e3
        * float(np.mean([np.concatenate([np.abs(o.errors).ravel() for o in own]).mean() for own in by_slice.values()])),
        "expected": 1e3
        * float(
            np.mean([np.mean([found.expected_errors(o.deviations).mean() for o in own]) for own in by_slice.values()])
        ),
        "scale": found.scale,
        "coverage": {level: 100 * float(np.mean([one[level] for one in small])) for level in (0.68, 0.90, 0.95)},
        "spearman": float(spearmanr(actual, expected).statistic),
        "zms": {name: one.zms for name, one in reliable.items()},
    }


if __name__ == "__main__":
    main()
