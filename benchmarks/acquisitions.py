"""What acquisitions save over random draws, in studies that were run; ``python -m benchmarks.acquisitions FOLDER ...``.

For errors that random draws have with some numbers of labels (mean over seeds): how many labels an acquisition needs
for the same, in per cent of random's, and how many core-seconds of labels. Curves are interpolated in logarithms; in
brackets the 95 % interval of a bootstrap over seeds, both sides of a seed drawn together. ``>``: it never gets there
within its budgets; ``<=``: its first budget is already there. The worst slice is that with the largest error, in each
cell.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from al_core.config.labelers import AnyLabeler, LabelerPart
from al_core.storage.hashing import label_key, structure_id
from al_core.structures.datasets import read_structures
from al_core.studies.inference import CONFIDENCE, resamples
from al_core.studies.results import Row, StudyResults, load_results
from al_core.studies.statistics import Reach, labels_to_reach
from al_core.studies.workspace import Workspace
from benchmarks._common import table
from calculators.base import make_labeler

_FORCE = "force_mae_meV_per_A"
_RANDOM = "random"
_UNREACHED = 1e9  # beyond all that is reached


def main() -> None:
    """Print the tables of every study named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of studies")
    parser.add_argument("--at", nargs="+", type=int, default=[4, 8, 16], help="random's labels (default 4 8 16)")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    for folder in given.folders:
        results = load_results(folder)
        prices = _prices(folder, results)
        for arm in dict.fromkeys(row.arm for row in results.rows):
            rows = [row for row in results.rows if row.arm == arm and row.comparison == "own"]
            print(f"\n## {results.name}, {arm}, {len({row.seed for row in rows})} seeds\n")
            _print(rows, given.at, prices)


def _prices(folder: Path, results: StudyResults) -> dict[str, float]:
    """Return what the label of each structure of the pool costs whoever computes it, core-seconds, by its key."""
    settings: AnyLabeler = TypeAdapter(LabelerPart).validate_python(results.config["labeler"])
    labeler = make_labeler(settings)
    pool = read_structures(Workspace(folder).pool)
    return {label_key(structure_id(one), labeler.identity()): labeler.original_core_seconds(one) for one in pool}


def _worst(row: Row) -> float:
    return max(values[_FORCE] for name, values in row.metrics.items() if name != "all")


def _print(rows: Sequence[Row], at: Sequence[int], prices: Mapping[str, float]) -> None:
    names = [name for name in dict.fromkeys(row.acquisition for row in rows) if name != _RANDOM]
    errors: dict[str, Callable[[Row], float]] = {"mean": lambda row: row.metrics["all"][_FORCE], "worst slice": _worst}
    costs: dict[str, Callable[[Row], float]] = {
        "labels": lambda row: float(row.budget),
        "core-seconds": lambda row: sum(prices[key] for key in row.labels),
    }
    for which, error in errors.items():
        curves = {name: _curves(rows, name, error) for name in (_RANDOM, *names)}
        means = {name: {n: np.mean(list(one.values())) for n, one in curves[name].items()} for name in curves}
        budgets = sorted(means[_RANDOM])
        print(f"Force MAE, {which}, meV/Å")
        table(("acquisition", *map(str, budgets)), [(n, *(f"{means[n][b]:.1f}" for b in budgets)) for n in means])
        for what, cost in costs.items():
            paid = {name: _curves(rows, name, cost) for name in curves}
            print(f"{what}, % of random's, at the error ({which}) of random with")
            cells = [(name, *(_share(curves, paid, name, number) for number in at)) for name in names]
            table(("acquisition", *(f"{number} labels" for number in at)), cells)


def _curves(rows: Sequence[Row], acquisition: str, value: Callable[[Row], float]) -> dict[int, dict[int, float]]:
    """Return {budget: {seed: value}} of an acquisition's cells."""
    found: dict[int, dict[int, float]] = {}
    for row in rows:
        if row.acquisition == acquisition:
            found.setdefault(row.budget, {})[row.seed] = value(row)
    return found


Curves = Mapping[str, Mapping[int, Mapping[int, float]]]


def _share(errors: Curves, paid: Curves, name: str, number: int) -> str:
    """Return what an acquisition pays for the error that random has with a number of labels, % of what random pays."""
    budgets = sorted(set(errors[name]) & set(errors[_RANDOM]))
    seeds = sorted(set.intersection(*(set(errors[one][n]) for one in (name, _RANDOM) for n in budgets)))
    if number not in budgets or not seeds:
        return ""
    own, costs = (np.array([[of[name][n][seed] for seed in seeds] for n in budgets]) for of in (errors, paid))
    other = np.array([errors[_RANDOM][number][seed] for seed in seeds])
    price = np.array([paid[_RANDOM][number][seed] for seed in seeds])

    def share(drawn: np.ndarray) -> Reach:
        found = labels_to_reach(other[drawn].mean(), list(costs[:, drawn].mean(1)), list(own[:, drawn].mean(1)))
        return Reach(100 * found.labels / price[drawn].mean(), found.bound)

    draws, weights = resamples(len(seeds), 0)
    found = sorted(((_position(one), weight) for one, weight in zip(map(share, draws), weights, strict=True)))
    cumulated = np.cumsum([weight for _, weight in found]) / sum(weights)
    ends = np.searchsorted(cumulated, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = (_bounded(found[end][0]) for end in ends)
    whole = share(np.arange(len(seeds)))
    return f"{whole.bound}{whole.labels:.0f} ({low} to {high})"


def _position(reach: Reach) -> float:
    return {"<=": -reach.labels, "": reach.labels, ">": _UNREACHED + reach.labels}[reach.bound]


def _bounded(position: float) -> str:
    if position < 0:
        return f"<={-position:.0f}"
    return f">{position - _UNREACHED:.0f}" if position > _UNREACHED else f"{position:.0f}"


if __name__ == "__main__":
    main()
