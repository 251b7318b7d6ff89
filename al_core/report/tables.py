"""The tables of the report, as plain values for the template."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp

from al_core.report.numbers import BOUNDS, NO_BREAK, counted, ends_text, interval_text, number, reach_text, signed
from al_core.report.overview import Overview
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, Curve, learning_curves, seed_values
from al_core.studies.inference import Efficiency, Paired, efficiency, paired
from al_core.studies.powerlaw import PowerLaw, fit_power_law
from al_core.studies.statistics import LabelsSaved, TransferDifference, labels_saved, transfer_differences


@dataclass(frozen=True)
class Cell:
    """A cell of a table: main text, lines of small text below it, whether it is marked as worse than the baseline.

    ``light`` is a traffic light, ``good``, ``fair`` or ``bad``; '' for none.
    """

    main: str = "–"
    small: str = ""
    worse: bool = False
    light: str = ""


@dataclass(frozen=True)
class Group:
    """Rows of a table under a title; each row has a name, of an arm mostly, and one cell a column."""

    title: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Table:
    """A table with one column a budget or slice, mostly; ``corner`` heads the column of names."""

    corner: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]


def budget_table(view: Overview, metric: str) -> Table:
    """Return mean and spread over seeds of a metric, itself a mean over test slices: arms by budgets."""
    groups = []
    for part in view.finished_parts():
        curves = _by_arm(view.curves(part, metric))
        if not curves:
            continue
        rows = ((arm, tuple(_point_cell(curves.get(arm), budget) for budget in view.budgets)) for arm in view.arms)
        groups.append(Group(part.title, tuple(rows)))
    return Table("with labels", tuple(map(str, view.budgets)), tuple(groups))


def slice_table(view: Overview, metric: str) -> Table:
    """Return mean and spread of a metric at each part's largest finished budget: arms by test slices."""
    groups = []
    for part in view.finished_parts():
        budgets = [
            row.budget
            for row in view.results.rows
            if (row.comparison, row.acquisition) == (part.comparison, part.acquisition) and metric in row.metrics["all"]
        ]
        if not budgets:
            continue
        budget = max(budgets)
        curves = {
            name: _by_arm(learning_curves(view.results.rows, part.comparison, part.acquisition, metric, name))
            for name in view.slices
        }
        rows = ((arm, tuple(_point_cell(curves[name].get(arm), budget) for name in view.slices)) for arm in view.arms)
        groups.append(Group(f"{part.title}, {counted(budget, 'label')}", tuple(rows)))
    return Table("on slice", tuple("mean of slices" if name == "all" else name for name in view.slices), tuple(groups))


def saved_table(view: Overview, metric: str) -> Table:
    """Return the labels the baseline needs for each arm's error: arms by budgets."""
    groups = []
    for part in view.finished_parts():
        saved = labels_saved(view.results.rows, part.comparison, part.acquisition, metric, baseline=view.baseline)
        if not saved:
            continue
        curves = seed_values(view.results.rows, part.comparison, part.acquisition, metric)
        base = curves.get(view.baseline, {})
        known = {
            (one.arm, one.budget_labels): _saved_cell(one, efficiency(curves[one.arm], base, one.budget_labels))
            for one in saved
        }
        rows = ((arm, tuple(known.get((arm, budget), Cell()) for budget in view.budgets)) for arm in view.others)
        groups.append(Group(part.title, tuple(rows)))
    return Table("with labels", tuple(map(str, view.budgets)), tuple(groups))


def exponent_table(view: Overview, metric: str) -> Table:
    """Return how fast errors fall with the number of labels: arms by comparisons and acquisitions."""
    parts = view.finished_parts()
    fits = {
        part: {
            arm: fit_power_law(curve)
            for arm, curve in seed_values(view.results.rows, part.comparison, part.acquisition, metric).items()
        }
        for part in parts
    }
    rows = tuple((arm, tuple(_exponent_cell(fits[part].get(arm)) for part in parts)) for arm in view.arms)
    fitted = any(fit for found in fits.values() for fit in found.values())
    return Table("exponent of", tuple(part.title for part in parts), (Group("", rows),) if fitted else ())


def transfer_table(view: Overview, metric: str) -> Table:
    """Return the seed-paired differences to the baseline: arms by budgets; slices that are worse are named."""
    groups = []
    for acquisition in view.acquisitions:
        worse: dict[tuple[str, int], list[str]] = {}
        for name in view.slices:
            for one in transfer_differences(view.results.rows, acquisition, metric, name, view.baseline):
                if one.negative and name != "all":
                    worse.setdefault((one.arm, one.budget_labels), []).append(name)
        known = {
            (one.arm, one.budget_labels): _transfer_cell(one, worse.get((one.arm, one.budget_labels), []))
            for one in transfer_differences(view.results.rows, acquisition, metric, baseline=view.baseline)
        }
        rows = ((arm, tuple(known.get((arm, budget), Cell()) for budget in view.budgets)) for arm in view.others)
        if known:
            groups.append(Group(acquisition, tuple(rows)))
    return Table("with labels", tuple(map(str, view.budgets)), tuple(groups))


def _by_arm(curves: Iterable[Curve]) -> dict[str, Curve]:
    return {curve.arm: curve for curve in curves}


def _point_cell(curve: Curve | None, budget: int) -> Cell:
    point = curve.at(budget) if curve else None
    if point is None:
        return Cell()
    return Cell(number(point.mean), "one seed" if point.spread.kind == "none" else ends_text(point.spread))


def _exponent_cell(fit: PowerLaw | None) -> Cell:
    if fit is None:
        return Cell()
    if fit.interval is None:
        return Cell(number(fit.exponent), counted(len(fit.seeds), "seed"))
    low, high = map(number, fit.interval)
    return Cell(number(fit.exponent), f"95{NO_BREAK}%: {low} to {high}".replace(" ", NO_BREAK))


def _saved_cell(one: LabelsSaved, efficient: Efficiency | None) -> Cell:
    bound = BOUNDS[one.baseline.bound]
    seeds = ", ".join(reach_text(reach) for reach in one.by_seed)
    small = f"by seed {seeds}" if len(one.by_seed) > 1 else "one seed"
    if efficient and len(efficient.seeds) >= SEEDS_FOR_A_CLAIM:
        small = f"95{NO_BREAK}%: {interval_text(efficient.low, efficient.high)}×\n{small}"
    return Cell(
        f"{reach_text(one.baseline)} ({bound}{one.ratio:.2g}×)",
        small,
        one.baseline.bound == "<=" or (one.ratio < 1 and not one.baseline.bound),
    )


def _verdict_text(found: Paired) -> str:
    if found.verdict != "undecided" or not found.seeds_needed:
        return str(found.verdict)
    return f"undecided; {found.seeds_needed} seeds would tell"


def _transfer_cell(one: TransferDifference, worse_slices: Sequence[str]) -> Cell:
    small = [] if one.spread.kind == "none" else [ends_text(one.spread)]
    small.append(f"worse in {one.seeds_worse} of {counted(len(one.seeds), 'seed')}")
    if len(one.log_ratios) >= SEEDS_FOR_A_CLAIM:
        found = paired(one.log_ratios)
        mean, low, high = (number(exp(value)) for value in (found.mean, found.low, found.high))
        small += [f"{mean} times its error ({low} to {high})", _verdict_text(found)]
    if worse_slices:
        small.append(f"worse on {', '.join(worse_slices)}")
    return Cell(signed(one.mean_difference), "\n".join(small), one.negative)
