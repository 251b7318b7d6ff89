"""Properties against the reference, with traffic lights."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from al_core.evaluation.lights import light
from al_core.evaluation.measured import Property
from al_core.report.numbers import NO_BREAK, counted, ends_text, number, signed
from al_core.report.overview import Overview, Part
from al_core.report.page import Section, fragment
from al_core.report.properties import at, budgets_of, by_seed, compared, parts_with, readable, references, rows_of
from al_core.report.tables import Cell, Group, Table
from al_core.studies.curves import spread_of
from al_core.studies.results import PropertyRow


def properties_section(view: Overview) -> Section | None:
    """Return what the models' properties are: one table for each comparison and acquisition that has some."""
    parts = parts_with(view)
    if not parts:
        return None
    found = compared(view)
    html = fragment(
        "sections/properties",
        tables=[(part.title, _table(view, part)) for part in parts],
        has_references=bool(references(view)),
        leader=view.leader,
        baseline=view.baseline,
        decided=found is not None,
        failures=[row for row in view.results.properties if row.failure],
        seeds=counted(len({row.seed for row in view.results.properties}), "seed"),
        times=_times(view.results.properties),
    )
    return Section("properties", "Properties", html)


def _times(rows: Iterable[PropertyRow]) -> str:
    """Return what one evaluation of each kind took, in words."""
    kinds: dict[str, list[float]] = {}
    for row in rows:
        kinds.setdefault(row.evaluation, []).append(row.wall_s)
    return ", ".join(f"{kind} {number(float(np.mean(times)))}{NO_BREAK}s" for kind, times in kinds.items())


def property_table(
    columns: Mapping[str, Sequence[PropertyRow]],
    expected: Mapping[str, float],
    decided: Mapping[str, str] = MappingProxyType({}),
    question: str = "",
) -> Table:
    """Return a table of properties, grouped by the kind of evaluation.

    Args:
        columns: {title: rows}; the rows of a column are those of one arm at one budget, of all seeds.
        expected: {property: value} of the reference; no column for it where there is none.
        decided: {property: verdict}, for a last column.
        question: what the verdicts are on.
    """
    rows = [row for column in columns.values() for row in column]
    groups = []
    for kind in dict.fromkeys(row.evaluation for row in rows):
        values = [by_seed(row for row in column if row.evaluation == kind) for column in columns.values()]
        lines = []
        for name, unit in _units(row for row in rows if row.evaluation == kind).items():
            title = f"{readable(name, unit)}, {unit}" if unit else readable(name, unit)
            cells = [_cell(name, one.get(name, {}), expected.get(name)) for one in values]
            reference = [Cell(number(expected[name], 4) if name in expected else "–")] if expected else []
            verdict = [Cell(decided.get(name, "–"))] if decided else []
            lines.append((title, (*reference, *cells, *verdict)))
        groups.append(Group(kind, tuple(lines)))
    first, last = (["reference"] if expected else []), ([question] if decided else [])
    return Table("property", (*first, *columns, *last), tuple(groups))


def _table(view: Overview, part: Part) -> Table:
    rows, found = rows_of(view, part), compared(view)
    columns = {
        f"{arm}, {counted(budget, 'label')}": at(rows, arm, budget)
        for arm in view.arms
        for budget in _ends(budgets_of(rows, arm))
    }
    decided = found.found if found and part == found.part else {}
    return property_table(columns, references(view), decided, f"{view.leader} against {view.baseline}")


def _ends(budgets: Sequence[int]) -> list[int]:
    """Return the first and the last of some budgets, one where they are the same."""
    return list(dict.fromkeys([budgets[0], budgets[-1]])) if budgets else []


def _units(rows: Iterable[PropertyRow]) -> dict[str, str]:
    """Return {property: unit}."""
    return {name: one.unit for row in rows for name, one in row.properties.items()}


def _cell(name: str, seeds: Mapping[int, Property], expected: float | None) -> Cell:
    """Return the mean over seeds, below it the deviation from the reference, and the spread over seeds."""
    values = [one.value for one in seeds.values() if one.value is not None]
    if not values:
        return Cell("–", next((one.remark for one in seeds.values() if one.remark), ""))
    mean = float(np.mean(values))
    small = []
    if expected is not None:
        small.append(_deviation(mean, expected))
    if len(values) > 1:
        small.append(ends_text(spread_of(values)))
    if len(values) < len(seeds):
        small.append(f"{len(values)} of {counted(len(seeds), 'seed')}")
    mark = None if expected is None else light(name, mean, expected)
    return Cell(number(mean, 4), "\n".join(small), light=mark or "")


def _deviation(value: float, expected: float) -> str:
    """Return the deviation in per cent; in the property's own unit where the reference is (nearly) zero."""
    if abs(expected) < 1e-9:
        return f"off by {signed(value - expected)}"
    return f"{signed(100 * (value - expected) / abs(expected))}{NO_BREAK}%"
