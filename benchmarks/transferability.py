"""Is it foreseen whether a transfer helps? ``python -m benchmarks.transferability``; an hour or so of a core.

All ordered pairs of fourteen elements with the potentials and settings of ``benchmarks.pairs``: diamond (Si, Ge), bcc
(W, Mo, Na) and fcc (the others), committees of two. For each, before any label: how far the lengths are apart, and how
much the starting models disagree (:mod:`al_core.models.transferability`). Then the arms are trained on two and on eight
random labels, scratch by the target's own cutoff, once for all sources. What is foreseen is the logarithm of the arm's
error over scratch's, mean over both budgets; ratios above 20 count as 20. Each pair is foreseen by a fit to those that
share no element with it. Rank correlation by Spearman; AUC is of harm (a ratio above one) against help.
"""

import argparse
import itertools
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from benchmarks._common import CORES, one_thread, table
from benchmarks.pairs import pretrained, structures, trained

if TYPE_CHECKING:
    from al_core.models.bundle import Bundle
    from benchmarks.pairs import Data

ELEMENTS = ("Si", "Ge", "Al", "Cu", "Ni", "Ag", "Pd", "Pt", "Au", "W", "Mo", "Na", "Ca", "Sr")
ARMS, BUDGETS, LARGEST = ("transfer", "rescaled"), (2, 8), 20.0


@dataclass
class Element:
    """What is computed once of an element: its models, its structures, and scratch's errors by budget, meV/Å."""

    models: "list[Bundle]"
    pool: "Data"
    test: "Data"
    scratch: dict[int, float]


@dataclass
class Pair:
    """Of each arm of a pair: what was known before, and its error over scratch's by budget."""

    source: str
    target: str
    known: dict[str, tuple[float, float]]
    ratios: dict[str, list[float]]

    def log_ratio(self, arm: str) -> float:
        """Return what is to be foreseen."""
        return float(np.mean([np.log(min(ratio, LARGEST)) for ratio in self.ratios[arm]]))


def main() -> None:
    """Measure all pairs, then judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", nargs="+", default=ELEMENTS, choices=ELEMENTS, help="default: all")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn"), initializer=one_thread) as pool:
        elements = dict(zip(given.elements, pool.map(prepared, given.elements), strict=True))
        names, pairs = list(itertools.permutations(elements, 2)), []
        sources, targets = ([elements[pair[end]] for pair in names] for end in (0, 1))
        for one in pool.map(measure, sources, targets, *zip(*names, strict=True)):
            told = "; ".join(f"{arm} {', '.join(f'{ratio:.2f}' for ratio in one.ratios[arm])}" for arm in ARMS)
            print(f"{one.source} to {one.target}: {told}", flush=True)
            pairs.append(one)
    judge(pairs)


def prepared(element: str) -> Element:
    """Compute what belongs to one element."""
    models, pool, test = pretrained(element), structures(element, "pool"), structures(element, "test")
    unlabelled = [atoms for atoms, _ in pool]
    errors = {n: trained("scratch", models, drawn(pool, n), element, 0, unlabelled, test)[0] for n in BUDGETS}
    return Element(models, pool, test, errors)


def drawn(pool: "Data", number: int) -> "Data":
    """Return labels drawn at random, the same for all arms."""
    return [pool[index] for index in np.random.default_rng(0).permutation(len(pool))[:number]]


def measure(source: Element, target: Element, source_name: str, target_name: str) -> Pair:
    """Train both arms of a pair."""
    import torch

    from al_core.models.transferability import measured

    unlabelled, cpu = [atoms for atoms, _ in target.pool], torch.device("cpu")
    pair = Pair(source_name, target_name, {}, {})
    for arm in ARMS:
        pair.known[arm] = measured(arm, source.models, target_name, unlabelled, cpu)
        pair.ratios[arm] = []
        for number in BUDGETS:
            labels = drawn(target.pool, number)
            error, _ = trained(arm, source.models, labels, target_name, 0, unlabelled, target.test)
            pair.ratios[arm].append(error / target.scratch[number])
    return pair


def judge(pairs: Sequence[Pair]) -> None:
    """Print the coefficients of both arms, and how well pairs are foreseen that share no element with the fit."""
    rows = []
    for arm in ARMS:
        known = np.array([pair.known[arm] for pair in pairs])
        columns = np.column_stack([np.ones(len(pairs)), np.abs(np.log(known[:, 0])), np.log(known[:, 1])])
        found = np.array([pair.log_ratio(arm) for pair in pairs])
        foreseen = np.full(len(pairs), np.nan)
        for number, pair in enumerate(pairs):
            apart = [not {pair.source, pair.target} & {other.source, other.target} for other in pairs]
            if sum(apart) >= columns.shape[1]:
                foreseen[number] = columns[number] @ np.linalg.lstsq(columns[apart], found[apart], rcond=None)[0]
        coefficients = np.linalg.lstsq(columns, found, rcond=None)[0]
        harm, sure = found > 0, np.isfinite(foreseen).all()
        rows.append(
            (
                *(arm, f"{np.mean(~harm):.0%}", *(f"{one:.2f}" for one in coefficients)),
                f"{np.sqrt(np.mean((foreseen - found) ** 2)):.2f}" if sure else "",
                f"{spearmanr(foreseen, found).statistic:.2f}" if sure else "",
                f"{roc_auc_score(harm, foreseen):.2f}" if sure and 0 < harm.sum() < len(pairs) else "",
            )
        )
    print()
    table(("arm", "helps in", "constant", "length", "disagreement", "deviation", "rank correlation", "AUC"), rows)


if __name__ == "__main__":
    main()
