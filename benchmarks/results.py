"""The tables of a study in Markdown, as docs/results has them; ``python -m benchmarks.results FOLDER ...``.

Errors on the frozen test set are means over slices and seeds; in parentheses 95 % t intervals, from three seeds on.
Properties are the mean over seeds of the deviation from the reference in per cent, in parentheses that of its size.
Where some seeds have none, the number of those that have stands behind.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from al_core.evaluation.measured import Property
from al_core.report.numbers import counted, number, signed
from al_core.report.overview import Overview, Part, overview
from al_core.report.properties import at, budgets_of, by_seed, rows_of
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, spread_of
from al_core.studies.results import Row, load_results
from benchmarks._common import table

FORCE = "force_mae_meV_per_A"
ERRORS = {
    "force MAE, meV/Å": FORCE,
    "energy MAE, meV/atom": "energy_mae_meV_per_atom",
    "stress MAE, GPa": "stress_mae_GPa",
    "mean pressure error, GPa": "pressure_bias_GPa",
}


def main() -> None:
    """Print the tables of every study named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of studies")
    given = parser.parse_args()
    print((__doc__ or "").strip())
    for folder in given.folders:
        view = overview(load_results(folder))
        for part in view.finished_parts():
            print(f"\n## {view.results.name}: {part.title}\n")
            where = (part.comparison, part.acquisition)
            rows = [row for row in view.results.rows if (row.comparison, row.acquisition) == where]
            _errors(view, rows)
            _slices(view, rows)
            _properties(view, part)


def _errors(view: Overview, rows: Sequence[Row]) -> None:
    lines = []
    for title, metric in ERRORS.items():
        text = signed if metric == "pressure_bias_GPa" else number
        for arm in view.arms:
            cells = []
            for budget in view.budgets:
                of_arm = [row.metrics["all"] for row in rows if (row.arm, row.budget) == (arm, budget)]
                values = [one[metric] for one in of_arm if metric in one]
                cells.append(_with_interval(values, text) if values else "–")
            lines.append((title if arm == view.arms[0] else "", f"`{arm}`", *cells))
        for potential, found in view.results.zero_shot.items():
            value = found.metrics["all"].get(metric)
            lines.append(("", f"{potential}, as it is", *(["–" if value is None else text(value)] * len(view.budgets))))
    table(("error", "arm", *(counted(budget, "label") for budget in view.budgets)), lines)


def _with_interval(values: Sequence[float], text: Callable[[float], str]) -> str:
    mean, spread = float(np.mean(values)), spread_of(values)
    if len(values) < SEEDS_FOR_A_CLAIM:
        return text(mean)
    return f"{text(mean)} ({text(spread.low)} to {text(spread.high)})"


def _slices(view: Overview, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row.metrics if name != "all"))
    lines = []
    for budget in sorted({row.budget for row in rows}):
        for arm in view.arms:
            of_arm = [row.metrics for row in rows if (row.arm, row.budget) == (arm, budget)]
            if not of_arm:
                continue
            cells = [number(float(np.mean([one[name][FORCE] for one in of_arm]))) for name in names]
            lines.append((budget if arm == view.arms[0] else "", f"`{arm}`", *cells))
    for potential, record in view.results.zero_shot.items():
        lines.append((0, potential, *(number(record.metrics[name][FORCE]) for name in names)))
    table(("labels", "arm", *names), lines)


def _properties(view: Overview, part: Part) -> None:
    rows = rows_of(view, part)
    known = {name: one for kind in view.results.references.values() for name, one in kind.properties.items()}
    columns = [(arm, budget) for arm in view.arms for budget in budgets_of(rows, arm)]
    found = {where: by_seed(at(rows, *where)) for where in columns}
    lines = []
    for name in dict.fromkeys(name for one in found.values() for name in one):
        expected = known[name].value if name in known else None
        if expected:
            cells = [_deviations(found[where].get(name, {}), expected) for where in columns]
            lines.append((f"{name}, {known[name].unit}", number(expected), *cells))
    if lines:
        table(("", "reference", *(f"`{arm}`, {budget}" for arm, budget in columns)), lines)


def _deviations(values: Mapping[int, Property], expected: float) -> str:
    found = [100 * (one.value - expected) / abs(expected) for one in values.values() if one.value is not None]
    if not found:
        return "–"
    missing = f", {len(found)}" if len(found) < len(values) else ""
    return f"{signed(float(np.mean(found)))} ({number(float(np.mean(np.abs(found))))}){missing}"


if __name__ == "__main__":
    main()
