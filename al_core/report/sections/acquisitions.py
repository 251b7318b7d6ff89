"""What acquisitions save over labels drawn at random: labels and core-seconds at equal error."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from al_core.report.numbers import BOUNDS, NO_BREAK
from al_core.report.overview import FORCE_MAE, Overview
from al_core.report.page import Section, fragment
from al_core.report.tables import Cell, Group, Table
from al_core.studies.curves import SEEDS_FOR_A_CLAIM
from al_core.studies.inference import Curves, Efficiency, efficiency
from al_core.studies.results import Row
from al_core.studies.statistics import Reach

_COMPARISONS = ("own", "shared")  # where acquisitions are compared, the first that the study has
_WORST = "worst slice"


def acquisitions_section(view: Overview) -> Section | None:
    """Return what each acquisition pays for random's errors, in per cent; None without one to compare."""
    tables = acquisition_tables(view)
    if not tables:
        return None
    return Section("acquisitions", "Acquisitions against random", fragment("sections/acquisitions", tables=tables))


def acquisition_tables(view: Overview) -> list[tuple[str, Table]]:
    """Return (title, acquisitions by random's numbers of labels): labels, and core-seconds where prices differ.

    Each acquisition is compared with the one that draws at random from the same slices of the pool. Errors are force
    MAEs: the mean over test slices, and that of the slice with the largest in each cell.
    """
    baselines = _baselines(view)
    comparison = next((one for one in _COMPARISONS if any(row.comparison == one for row in view.results.rows)), "")
    rows = [row for row in view.results.rows if row.comparison == comparison and FORCE_MAE in row.metrics["all"]]
    prices: Mapping[str, float] = view.results.ledger.get("prices", {})
    paid = _paid(rows, prices)
    errors = {"mean of slices": lambda row: row.metrics["all"][FORCE_MAE], _WORST: _worst}
    tables = []
    for baseline in dict.fromkeys(baselines.values()):
        names = [name for name, own in baselines.items() if own == baseline]
        against = f", against {baseline}" if len(set(baselines.values())) > 1 else ""
        for which, error in errors.items():
            for what, price in (("labels", None), ("core-seconds", paid)):
                if what == "labels" or price:
                    table = _table(view, rows, baseline, names, error, price)
                    tables += [(f"Force MAE, {which}: {what}{against}", table)] if table.groups else []
    return tables


def _baselines(view: Overview) -> dict[str, str]:
    """Return, for each acquisition, the one that draws at random from the same slices; without those that have none."""
    listed = view.results.config.get("acquisitions", ())
    named = [(str(one.get("name") or one["kind"]), one["kind"], frozenset(one.get("slices", ()))) for one in listed]
    drawn = {slices: name for name, kind, slices in reversed(named) if kind == "random"}
    return {name: drawn[slices] for name, _, slices in named if drawn.get(slices, name) != name}


def _worst(row: Row) -> float:
    slices = {name: values[FORCE_MAE] for name, values in row.metrics.items() if name != "all"}
    return max(slices.values(), default=row.metrics["all"][FORCE_MAE])


def _paid(rows: Iterable[Row], prices: Mapping[str, float]) -> Callable[[Row], float] | None:
    """Return what gives the price of a cell's labels; None where some have none, or all the same."""
    keys = {key for row in rows for key in row.labels}
    if not keys <= prices.keys() or len({prices[key] for key in keys}) < 2:
        return None
    return lambda row: sum(prices[key] for key in row.labels)


def _table(
    view: Overview,
    rows: list[Row],
    baseline: str,
    names: Sequence[str],
    error: Callable[[Row], float],
    price: Callable[[Row], float] | None,
) -> Table:
    groups = []
    for arm in view.arms:
        mine = [row for row in rows if row.arm == arm]
        drawn = _curves(mine, baseline, error)
        lines = []
        for name in names:
            own = _curves(mine, name, error)
            if not own or not drawn:
                continue
            paid = (_curves(mine, baseline, price), _curves(mine, name, price)) if price else None
            falling = [budget for budget in view.budgets if _falls(drawn, budget)]
            found = [efficiency(drawn, own, b, paid=paid) if b in falling else None for b in view.budgets]
            lines.append((name, tuple(map(_cell, found))))
        groups += [Group(arm, tuple(lines))] if lines else []
    return Table(f"error of {baseline} with", tuple(map(str, view.budgets)), tuple(groups))


def _falls(curve: Curves, budget: int) -> bool:
    """Whether the mean error is smaller than with the fewest labels, or these are the fewest."""
    first = min(curve)
    if budget == first or budget not in curve:
        return budget == first
    seeds = set(curve[first]) & set(curve[budget])
    return sum(curve[budget][seed] - curve[first][seed] for seed in seeds) < 0


def _curves(rows: Iterable[Row], acquisition: str, value: Callable[[Row], float]) -> Curves:
    found: dict[int, dict[int, float]] = {}
    for row in rows:
        if row.acquisition == acquisition:
            found.setdefault(row.budget, {})[row.seed] = value(row)
    return found


def _cell(found: Efficiency | None) -> Cell:
    if found is None:
        return Cell()
    small = f"{len(found.seeds)} seeds" if len(found.seeds) > 1 else "one seed"
    if len(found.seeds) >= SEEDS_FOR_A_CLAIM:
        small = f"95{NO_BREAK}%: {_percent(found.low)} to {_percent(found.high)}".replace(" ", NO_BREAK)
    low = found.low
    worse = low.labels >= 1 if low.bound == ">" else low.labels > 1 and not low.bound
    return Cell(f"{_percent(found.ratio)}{NO_BREAK}%", small, worse and len(found.seeds) >= SEEDS_FOR_A_CLAIM)


def _percent(reach: Reach) -> str:
    return f"{BOUNDS[reach.bound]}{100 * reach.labels:.0f}"
