"""What the paper claims, in studies that were run; ``python -m benchmarks.claims FOLDER ...``.

The claims are those of Röcken and Zavadlav (arXiv:2502.13522). An arm is compared with training from scratch on the
same labels, in pairs of seeds. In brackets 95 % t intervals of the mean. *Confirmed* and *contradicted*: the paired t
test shows it, corrected for the number of comparisons in the table (Holm); else *undecided*. Intervals of label
ratios are percentile bootstraps over seeds.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from al_core.report.numbers import interval_text, number, ratio_text
from al_core.report.overview import Overview, Part, overview
from al_core.report.properties import at, budgets_of, compared_in, rows_of, walks_of
from al_core.studies.curves import seed_values
from al_core.studies.inference import efficiency, paired, verdicts
from al_core.studies.results import PropertyRow, Row, load_results
from al_core.studies.transferability import acquisition_slices
from benchmarks._common import table

_FORCE = "force_mae_meV_per_A"
_WORDS = {"improved": "confirmed", "harmed": "contradicted", "undecided": "undecided"}
# {(row, column): of each seed, below zero is better}
Differences = dict[tuple[str, str], Sequence[float]]


def main() -> None:
    """Print the claims of every study named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of studies")
    print((__doc__ or "").strip())
    for folder in parser.parse_args().folders:
        view = overview(load_results(folder))
        print(f"\n## {view.results.name}, {len({row.seed for row in view.results.rows})} seeds\n")
        for part in view.finished_parts():
            if part.comparison == "shared":
                _claims(view, part)


def _claims(view: Overview, part: Part) -> None:
    print(f"{part.title}\n")
    logs = force_ratios(view, part)
    _told("Forces: error over scratch's", "labels", logs, _factor)
    _labels_saved(view, part)
    first, last = min(view.budgets), max(view.budgets)
    fewer: Differences = {
        (f"{first} against {last} labels", arm): list(np.subtract(logs[str(first), arm], logs[str(last), arm]))
        for arm in view.others
        if len(logs.get((str(first), arm), ())) == len(logs.get((str(last), arm), ())) > 0
    }
    _told("The more so the fewer the data: ratio with the fewest over that with the most labels", "", fewer, _factor)
    _told("Other temperatures than trained on: error over scratch's", "labels", other_temperatures(view, part), _factor)
    _told("Stability: share of the dynamics that is survived, less scratch's", "labels", survival(view, part), _share)
    rows = [
        (
            f"{one.arm}, {one.budget}",
            *one.counted().values(),
            ", ".join(k for k, v in one.found.items() if v == "harmed"),
        )
        for one in compared_in(view, part)
    ]
    if rows:
        print("Properties, by deviation from the reference")
        table(("arm, labels", "improved", "harmed", "undecided", "harmed are"), rows)


def _labels_saved(view: Overview, part: Part) -> None:
    curves = seed_values(view.results.rows, part.comparison, part.acquisition, _FORCE)
    print("Labels that scratch needs for each of the arm's, at its force error")
    rows = []
    for budget in view.budgets:
        found = [efficiency(curves.get(arm, {}), curves.get(view.baseline, {}), budget) for arm in view.others]
        rows.append(
            (
                budget,
                *(f"{ratio_text(one.ratio)} ({interval_text(one.low, one.high)})" if one else "–" for one in found),
            )
        )
    table(("labels", *view.others), rows)


def force_ratios(view: Overview, part: Part) -> Differences:
    """Return logarithms of an arm's force error over the baseline's, mean over test slices."""
    return _ratios(view, part, lambda row: row.metrics["all"][_FORCE])


def other_temperatures(view: Overview, part: Part) -> Differences:
    """Return the same on the slices that were not trained on; nothing where an acquisition selects from all."""
    trained = acquisition_slices(view.results.config).get(part.acquisition, ())
    if not trained:
        return {}
    return _ratios(
        view,
        part,
        lambda row: float(np.mean([v[_FORCE] for name, v in row.metrics.items() if name not in {"all", *trained}])),
    )


def survival(view: Overview, part: Part) -> Differences:
    """Return the baseline's survived share of the dynamics less an arm's, by temperature and number of labels."""
    rows = rows_of(view, part, "stability")
    found: Differences = {}
    for arm in view.others:
        for budget in sorted(set(budgets_of(rows, arm)) & set(budgets_of(rows, view.baseline))):
            own, other = (_survived(at(rows, name, budget), name) for name in (arm, view.baseline))
            for case in own:
                seeds = sorted(set(own[case]) & set(other.get(case, {})))
                found[f"{budget}, {case}", arm] = [other[case][seed] - own[case][seed] for seed in seeds]
    return found


def _survived(rows: Sequence[PropertyRow], arm: str) -> dict[str, dict[int, float]]:
    """Return {case: {seed: share of the time that walkers were stable for}}."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        walks = walks_of([row], arm)
        longest = max((walk["time_ps"] for walk in walks), default=0.0)
        for case in {f"{walk['temperature_K']:g} K" for walk in walks}:
            times = [walk["time_ps"] for walk in walks if f"{walk['temperature_K']:g} K" == case]
            found.setdefault(case, {})[row.seed] = float(np.mean(times)) / longest
    return found


def _ratios(view: Overview, part: Part, error: Callable[[Row], float]) -> Differences:
    rows = [
        row for row in view.results.rows if (row.comparison, row.acquisition) == (part.comparison, part.acquisition)
    ]
    values = {(row.arm, row.budget, row.seed): error(row) for row in rows}
    found: Differences = {}
    for arm in view.others:
        for budget in view.budgets:
            seeds = sorted(s for a, b, s in values if (a, b) == (arm, budget) and (view.baseline, b, s) in values)
            if seeds:
                pairs = [(values[arm, budget, seed], values[view.baseline, budget, seed]) for seed in seeds]
                found[str(budget), arm] = [math.log(own / other) for own, other in pairs]
    return found


def _told(
    title: str,
    corner: str,
    differences: Mapping[tuple[str, str], Sequence[float]],
    text: Callable[[Sequence[float]], str],
) -> None:
    """Print a table of means, intervals and verdicts: rows and columns by the keys."""
    if not differences:
        return
    words = dict(zip(differences, verdicts(list(differences.values())), strict=True))
    columns = list(dict.fromkeys(column for _, column in differences))
    print(title)
    table(
        (corner, *columns),
        [
            (
                row,
                *(
                    f"{text(differences[row, c])} {_WORDS[words[row, c]]}" if (row, c) in words else "–"
                    for c in columns
                ),
            )
            for row in dict.fromkeys(row for row, _ in differences)
        ],
    )


def _factor(logs: Sequence[float]) -> str:
    found = paired(logs)
    return f"{number(math.exp(found.mean))} ({_ends(map(math.exp, (found.low, found.high)))})"


def _share(differences: Sequence[float]) -> str:
    """Return how much larger the share is, in per cent of the dynamics."""
    found = paired(differences)
    return f"{-100 * found.mean:+.0f} % ({-100 * found.high:+.0f} to {-100 * found.low:+.0f})"


def _ends(values: Iterable[float]) -> str:
    return " to ".join(number(value) for value in values)


if __name__ == "__main__":
    main()
