"""The tables of the report, as plain values for the template."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from al_core.studies.curves import SEEDS_FOR_A_CLAIM, Curve, Point, Spread, learning_curves, seed_values
from al_core.studies.inference import Efficiency, Paired, efficiency, paired
from al_core.studies.results import StudyResults
from al_core.studies.statistics import LabelsSaved, Reach, TransferDifference, labels_saved, transfer_differences

FORCE_MAE = "force_mae_meV_per_A"
ENERGY_MAE = "energy_mae_meV_per_atom"
STRESS_MAE = "stress_mae_GPa"
PRESSURE_BIAS = "pressure_bias_GPa"
FORCE_DEVIATION = "force_deviation_meV_per_A"

_NO_BREAK = "\N{NO-BREAK SPACE}"
_BOUNDS = {"": "", ">": f">{_NO_BREAK}", "<=": f"≤{_NO_BREAK}"}


@dataclass(frozen=True)
class Cell:
    """A cell of a table: main text, lines of small text below it, whether it is marked as worse than the baseline."""

    main: str = "–"
    small: str = ""
    worse: bool = False


@dataclass(frozen=True)
class Group:
    """Rows of a table under a title; each row is the arm's name and one cell a column."""

    title: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Table:
    """A table with one column a budget or slice; ``corner`` heads the column of the arms."""

    corner: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Part:
    """One comparison and acquisition of the study, with the title the report gives it."""

    comparison: str
    acquisition: str
    title: str


def number(value: float) -> str:
    """Return a number with three significant digits, and all digits before the point; the minus sign is typographic."""
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    text = f"{size:.{decimals}f}" if size >= 0.001 or size == 0 else f"{size:.2g}"
    return f"−{text}" if value < 0 and float(text) != 0 else text


def reach_text(reach: Reach) -> str:
    """Return a number of labels with its bound, e.g. ``7.8``, ``> 8`` or ``≤ 1``."""
    whole = reach.bound or reach.labels >= 9.95
    return f"{_BOUNDS[reach.bound]}{reach.labels:.{0 if whole else 1}f}"


def spread_note(points: Iterable[Point]) -> str:
    """Return what the spread of these points is, in words."""
    found: dict[str, set[int]] = {}
    for point in points:
        found.setdefault(point.spread.kind, set()).add(len(point.seeds))
    words = {
        "t95": "95 % t interval of the mean over {} seeds",
        "range": "smallest to largest of {} seeds",
        "none": "none, as there is one seed",
    }
    notes = [words[kind].format(" or ".join(map(str, sorted(found[kind])))) for kind in words if kind in found]
    return "; ".join(notes) or "none, as nothing is finished"


def budget_table(
    results: StudyResults, parts: Sequence[Part], arms: Sequence[str], budgets: Sequence[int], metric: str
) -> Table:
    """Return mean and spread over seeds of a metric, itself a mean over test slices: arms by budgets."""
    groups = []
    for part in parts:
        curves = _by_arm(learning_curves(results.rows, part.comparison, part.acquisition, metric))
        if not curves:
            continue
        rows = ((arm, tuple(_point_cell(curves.get(arm), budget) for budget in budgets)) for arm in arms)
        groups.append(Group(part.title, tuple(rows)))
    return Table("with labels", tuple(map(str, budgets)), tuple(groups))


def slice_table(
    results: StudyResults, parts: Sequence[Part], arms: Sequence[str], slices: Sequence[str], metric: str
) -> Table:
    """Return mean and spread of a metric at each part's largest finished budget: arms by test slices."""
    groups = []
    for part in parts:
        budgets = [
            row.budget
            for row in results.rows
            if (row.comparison, row.acquisition) == (part.comparison, part.acquisition) and metric in row.metrics["all"]
        ]
        if not budgets:
            continue
        budget = max(budgets)
        curves = {
            name: _by_arm(learning_curves(results.rows, part.comparison, part.acquisition, metric, name))
            for name in slices
        }
        rows = ((arm, tuple(_point_cell(curves[name].get(arm), budget) for name in slices)) for arm in arms)
        groups.append(Group(f"{part.title}, {counted(budget, 'label')}", tuple(rows)))
    return Table("on slice", tuple("mean of slices" if name == "all" else name for name in slices), tuple(groups))


def saved_table(
    results: StudyResults, parts: Sequence[Part], arms: Sequence[str], budgets: Sequence[int], metric: str
) -> Table:
    """Return the labels the baseline needs for each arm's error: arms by budgets."""
    groups = []
    for part in parts:
        saved = labels_saved(results.rows, part.comparison, part.acquisition, metric, baseline=results.baseline)
        if not saved:
            continue
        curves = seed_values(results.rows, part.comparison, part.acquisition, metric)
        base = curves.get(results.baseline, {})
        known = {
            (one.arm, one.budget_labels): _saved_cell(one, efficiency(curves[one.arm], base, one.budget_labels))
            for one in saved
        }
        rows = ((arm, tuple(known.get((arm, budget), Cell()) for budget in budgets)) for arm in arms)
        groups.append(Group(part.title, tuple(rows)))
    return Table("with labels", tuple(map(str, budgets)), tuple(groups))


def transfer_table(
    results: StudyResults,
    acquisitions: Sequence[str],
    arms: Sequence[str],
    budgets: Sequence[int],
    slices: Sequence[str],
    metric: str,
) -> Table:
    """Return the seed-paired differences to the baseline: arms by budgets; slices that are worse are named."""
    groups = []
    for acquisition in acquisitions:
        worse: dict[tuple[str, int], list[str]] = {}
        for name in slices:
            for one in transfer_differences(results.rows, acquisition, metric, name, results.baseline):
                if one.negative and name != "all":
                    worse.setdefault((one.arm, one.budget_labels), []).append(name)
        known = {
            (one.arm, one.budget_labels): _transfer_cell(one, worse.get((one.arm, one.budget_labels), []))
            for one in transfer_differences(results.rows, acquisition, metric, baseline=results.baseline)
        }
        rows = ((arm, tuple(known.get((arm, budget), Cell()) for budget in budgets)) for arm in arms)
        groups.append(Group(acquisition, tuple(rows)))
    return Table("with labels", tuple(map(str, budgets)), tuple(groups))


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, e.g. ``1 label`` or ``4 labels``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _by_arm(curves: Iterable[Curve]) -> dict[str, Curve]:
    return {curve.arm: curve for curve in curves}


def _point_cell(curve: Curve | None, budget: int) -> Cell:
    point = curve.at(budget) if curve else None
    if point is None:
        return Cell()
    return Cell(number(point.mean), "one seed" if point.spread.kind == "none" else _ends(point.spread))


def _ends(spread: Spread) -> str:
    return f"{number(spread.low)} to {number(spread.high)}".replace(" ", _NO_BREAK)


def _saved_cell(one: LabelsSaved, efficient: Efficiency | None) -> Cell:
    bound = _BOUNDS[one.baseline.bound]
    seeds = ", ".join(reach_text(reach) for reach in one.by_seed)
    small = f"by seed {seeds}" if len(one.by_seed) > 1 else "one seed"
    if efficient and len(efficient.seeds) >= SEEDS_FOR_A_CLAIM:
        low, high = (f"{_BOUNDS[end.bound]}{end.labels:.2g}" for end in (efficient.low, efficient.high))
        interval = low if low == high else f"{low} to {high}".replace(" ", _NO_BREAK)
        small = f"95{_NO_BREAK}%: {interval}×\n{small}"
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
    sign = "+" if one.mean_difference > 0 else ""
    small = [] if one.spread.kind == "none" else [_ends(one.spread)]
    small.append(f"worse in {one.seeds_worse} of {counted(len(one.seeds), 'seed')}")
    if len(one.seeds) >= SEEDS_FOR_A_CLAIM:
        small.append(_verdict_text(paired(one.differences)))
    if worse_slices:
        small.append(f"worse on {', '.join(worse_slices)}")
    return Cell(f"{sign}{number(one.mean_difference)}", "\n".join(small), one.negative)
