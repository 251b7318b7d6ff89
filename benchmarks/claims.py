"""What the paper claims, in studies that were run; ``python -m benchmarks.claims FOLDER ...``.

The claims are those of Röcken and Zavadlav (arXiv:2502.13522). An arm is compared with training from scratch on the
same labels, in pairs of seeds. In brackets 95 % t intervals of the mean. *Confirmed* and *contradicted*: the paired t
test shows it, corrected for the number of comparisons in the table (Holm); else, and with fewer than three
seeds, *undecided*. Intervals of label ratios are percentile bootstraps over seeds.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from al_core.report.numbers import interval_text, number, ratio_text
from al_core.report.overview import Overview, Part, overview
from al_core.report.properties import at, budgets_of, compared_in, rows_of, walks_of
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, seed_values
from al_core.studies.inference import efficiency, paired, verdicts
from al_core.studies.results import PropertyRow, Row, load_results
from al_core.studies.transferability import acquisition_slices
from benchmarks._common import table

_FORCE = "force_mae_meV_per_A"
_WORDS = {"improved": "confirmed", "harmed": "contradicted", "undecided": "undecided"}
# {(row, column): of each seed, below zero is better}
Differences = dict[tuple[str, str], Sequence[float]]
Pairs = dict[tuple[str, str], dict[int, tuple[float, float]]]  # by seed


def main() -> None:
    """Print the claims of every study named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of studies")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="draw the ratios of forces and properties, too")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    views = [overview(load_results(folder)) for folder in given.folders]
    if given.figure:
        draw(views, given.figure)
    for view in views:
        print(f"\n## {view.results.name}, {len({row.seed for row in view.results.rows})} seeds\n")
        for part in view.finished_parts():
            if part.comparison == "shared":
                _claims(view, part)


def _claims(view: Overview, part: Part) -> None:
    print(f"{part.title}\n")
    pairs = errors(view, part, lambda row: row.metrics["all"][_FORCE])
    _told("Forces: error over scratch's", "labels", _ratios(pairs), _factor)
    _labels_saved(view, part)
    fewer = _fewer(view, pairs, lambda own, other: math.log(own / other))
    _told("The more so the fewer the data: that ratio with", "", fewer, _factor)
    less = _fewer(view, pairs, lambda own, other: own - other)
    _told("The same: error less scratch's, meV/Å, with", "", less, _number)
    _told(
        "Other temperatures than trained on: error over scratch's",
        "labels",
        _ratios(other_temperatures(view, part)),
        _factor,
    )
    _told("Stability: share of the dynamics that is survived, less scratch's", "labels", survival(view, part), _share)
    properties = compared_in(view, part)
    together: Differences = {(str(one.budget), one.arm): one.log_ratios for one in properties if one.log_ratios}
    _told("All properties: deviation from the reference over scratch's", "labels", together, _factor)
    rows = [
        (
            f"{one.arm}, {one.budget}",
            *one.counted().values(),
            ", ".join(k for k, v in one.found.items() if v == "harmed"),
        )
        for one in properties
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


def other_temperatures(view: Overview, part: Part) -> Pairs:
    """Return errors on the slices that were not trained on; nothing where an acquisition selects from all."""
    trained = acquisition_slices(view.results.config).get(part.acquisition, ())
    if not trained:
        return {}
    known = {"all", *trained}
    return errors(
        view,
        part,
        lambda row: float(np.mean([one[_FORCE] for name, one in row.metrics.items() if name not in known])),
    )


def survival(view: Overview, part: Part) -> Differences:
    """Return the baseline's survived share of the dynamics less an arm's, by temperature and number of labels."""
    rows = rows_of(view, part, "stability")
    longest = max((walk["time_ps"] for arm in view.arms for walk in walks_of(rows, arm)), default=0.0)
    found: Differences = {}
    for arm in view.others:
        for budget in sorted(set(budgets_of(rows, arm)) & set(budgets_of(rows, view.baseline))):
            own, other = (_survived(at(rows, name, budget), name, longest) for name in (arm, view.baseline))
            for case in own:
                seeds = sorted(set(own[case]) & set(other.get(case, {})))
                found[f"{budget}, {case}", arm] = [other[case][seed] - own[case][seed] for seed in seeds]
    return found


def _survived(rows: Sequence[PropertyRow], arm: str, longest: float) -> dict[str, dict[int, float]]:
    """Return {case: {seed: mean over walkers of the share of ``longest``, ps, that they were stable for}}."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        walks = walks_of([row], arm)
        for temperature in sorted({walk["temperature_K"] for walk in walks}):
            times = [walk["time_ps"] for walk in walks if walk["temperature_K"] == temperature]
            found.setdefault(f"{temperature:g} K", {})[row.seed] = float(np.mean(times)) / longest
    return found


def errors(view: Overview, part: Part, error: Callable[[Row], float]) -> Pairs:
    """Return an arm's error and the baseline's, of each seed that both have, by number of labels and arm."""
    where = (part.comparison, part.acquisition)
    rows = [row for row in view.results.rows if (row.comparison, row.acquisition) == where]
    values = {(row.arm, row.budget, row.seed): error(row) for row in rows}
    found: Pairs = {}
    for arm in view.others:
        for budget in view.budgets:
            seeds = sorted(s for a, b, s in values if (a, b) == (arm, budget) and (view.baseline, b, s) in values)
            if seeds:
                found[str(budget), arm] = {s: (values[arm, budget, s], values[view.baseline, budget, s]) for s in seeds}
    return found


def _ratios(pairs: Pairs) -> Differences:
    return {key: [math.log(own / other) for own, other in one.values()] for key, one in pairs.items()}


def _fewer(view: Overview, pairs: Pairs, compared: Callable[[float, float], float]) -> Differences:
    """Return how arm and baseline compare with the fewest labels less how with the most, of each seed that has both."""
    first, last = str(min(view.budgets)), str(max(view.budgets))
    found: Differences = {}
    for arm in view.others:
        few, many = pairs.get((first, arm), {}), pairs.get((last, arm), {})
        if seeds := sorted(set(few) & set(many)):
            found[f"{first} against {last}", arm] = [compared(*few[s]) - compared(*many[s]) for s in seeds]
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
    enough = {key: one for key, one in differences.items() if len(one) >= SEEDS_FOR_A_CLAIM}
    words = dict.fromkeys(differences, "undecided") | dict(zip(enough, verdicts(list(enough.values())), strict=True))
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


def draw(views: Sequence[Overview], file: Path) -> None:
    """Draw for each study, of its first part, errors and deviations over scratch's by number of labels."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2 * len(views), figsize=(4.2 * len(views), 2.8), sharey=True, layout="constrained")
    for view, (forces, properties) in zip(views, axes.reshape(-1, 2), strict=True):
        part = view.finished_parts()[0]
        together: Differences = {
            (str(one.budget), one.arm): one.log_ratios for one in compared_in(view, part) if one.log_ratios
        }
        _panel(forces, view, _ratios(errors(view, part, lambda row: row.metrics["all"][_FORCE])))
        _panel(properties, view, together)
        forces.set_title(f"{view.results.name}: force error", fontsize=9)
        properties.set_title("deviation of properties", fontsize=9)
    axes[0].set_ylabel("over scratch's")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=160)


def _panel(axes: Any, view: Overview, differences: Differences) -> None:
    for arm in view.others:
        labels = [int(budget) for budget, name in differences if name == arm]
        found = [paired(differences[str(number), arm]) for number in labels]
        middle, low, high = (np.exp([getattr(one, end) for one in found]) for end in ("mean", "low", "high"))
        style = {"color": view.styles[arm].colour, "capsize": 3, "marker": "o", "markersize": 4}
        axes.errorbar(labels, middle, [middle - low, high - middle], label=arm, **style)
    axes.axhline(1, color="gray", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="labels", ylim=(0.1, 4))
    axes.set_xticks(labels, [str(number) for number in labels])
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 4], ["0.1", "0.2", "0.5", "1", "2", "4"])
    axes.minorticks_off()


def _number(differences: Sequence[float]) -> str:
    found = paired(differences)
    return f"{found.mean:+.0f} ({found.low:+.0f} to {found.high:+.0f})"


def _share(differences: Sequence[float]) -> str:
    """Return how much larger the share is, in per cent of the dynamics."""
    found = paired([-one for one in differences])
    if not any(differences):
        return "the same in every seed,"
    return f"{100 * found.mean:+.0f} % ({100 * found.low:+.0f} to {100 * found.high:+.0f})"


def _ends(values: Iterable[float]) -> str:
    return " to ".join(number(value) for value in values)


if __name__ == "__main__":
    main()
