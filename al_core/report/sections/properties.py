"""Properties against the reference, with traffic lights."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from al_core.evaluation.lights import light
from al_core.evaluation.measured import Property
from al_core.report.numbers import NO_BREAK, counted, ends_text, number, signed
from al_core.report.overview import Overview, Part
from al_core.report.page import Section, fragment
from al_core.report.properties import (
    Compared,
    at,
    budgets_of,
    by_seed,
    compared_in,
    parts_with,
    readable,
    references,
    rows_of,
)
from al_core.report.tables import Cell, Group, Table
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, spread_of
from al_core.studies.inference import paired
from al_core.studies.results import PropertyRow


def properties_section(view: Overview) -> Section | None:
    """Return what the models' properties are: one table for each comparison and acquisition that has some."""
    parts = parts_with(view)
    if not parts:
        return None
    html = fragment(
        "sections/properties",
        parts=[(part.title, _table(view, part), _verdicts(view, part)) for part in parts],
        has_references=bool(references(view)),
        baseline=view.baseline,
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
) -> Table:
    """Return a table of properties, grouped by the kind of evaluation.

    Args:
        columns: {title: rows}; the rows of a column are those of one arm at one budget, of all seeds.
        expected: {property: value} of the reference; no column for it where there is none.
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
            lines.append((title, (*reference, *cells)))
        groups.append(Group(kind, tuple(lines)))
    return Table("property", (*(["reference"] if expected else []), *columns), tuple(groups))


def _verdicts(view: Overview, part: Part) -> Table | None:
    """Return the verdict on each property by arm and number of labels; None where too few seeds were compared."""
    found = [one for one in compared_in(view, part) if len(one.seeds) >= SEEDS_FOR_A_CLAIM]
    if not found:
        return None
    columns = tuple(f"{one.arm}, {counted(one.budget, 'label')}" for one in found)
    units, expected = _units(rows_of(view, part)), references(view)
    lines = [
        (readable(name, unit), tuple(_verdict_cell(one, name, expected[name]) for one in found))
        for name, unit in units.items()
        if any(name in one.found for one in found)
    ]
    together = ("all together", tuple(_together_cell(one) for one in found))
    return Table("property", columns, (Group("", (together, *lines)),))


def _together_cell(compared: Compared) -> Cell:
    """Return the verdict on all properties, below it the geometric mean of their deviations over the baseline's."""
    if len(compared.log_ratios) < SEEDS_FOR_A_CLAIM:
        return Cell()
    found = paired(compared.log_ratios)
    low, high = number(math.exp(found.low)), number(math.exp(found.high))
    return Cell(found.verdict, f"{number(math.exp(found.mean))} times\n{low} to {high}")


def _verdict_cell(compared: Compared, name: str, expected: float) -> Cell:
    """Return the verdict, below it how much larger the deviation from the reference is, mean over seeds."""
    if name not in compared.found:
        return Cell()
    return Cell(compared.found[name], _deviation(expected + float(np.mean(compared.differences[name])), expected))


def _table(view: Overview, part: Part) -> Table:
    rows = rows_of(view, part)
    columns = {
        f"{arm}, {counted(budget, 'label')}": at(rows, arm, budget)
        for arm in view.arms
        for budget in _ends(budgets_of(rows, arm))
    }
    return property_table(columns, references(view))


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
