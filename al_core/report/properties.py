"""Properties over seeds: values, deviations from the reference, and what they show against the baseline."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import plotly.graph_objects as go

from al_core.evaluation.measured import Property
from al_core.report.figures import figure_html
from al_core.report.numbers import counted
from al_core.report.overview import Overview, Part
from al_core.studies.curves import SEEDS_FOR_A_CLAIM
from al_core.studies.inference import Verdict, verdicts
from al_core.studies.results import PropertyRow

_LEAST_DEVIATION = 1e-3  # over the reference
_UNITS = {
    "Å": "A",
    "GPa": "GPa",
    "meV/atom": "meV_per_atom",
    "meV/atom/ps": "meV_per_atom_per_ps",
    "eV": "eV",
    "eV/atom": "eV_per_atom",
    "J/m²": "J_per_m2",
    "THz": "THz",
    "%": "percent",
    "K": "K",
}


@dataclass(frozen=True)
class Compared:
    """The properties of an arm against those of the baseline, with as many labels.

    Attributes:
        part: the comparison and acquisition.
        arm: its name.
        budget: the number of labels.
        seeds: the seeds both have.
        found: verdict on each property that has a reference, and values on both sides.
        differences: of each of them, [n_seeds] absolute deviation from the reference less the baseline's, in its unit.
        log_ratios: [n_seeds] logarithm of the deviation over the baseline's, mean over properties whose reference is
            not zero; seeds that have none are left out. A deviation counts as a thousandth of the reference at least:
            below that it is luck.
    """

    part: Part
    arm: str
    budget: int
    seeds: tuple[int, ...]
    found: Mapping[str, Verdict]
    differences: Mapping[str, tuple[float, ...]]
    log_ratios: tuple[float, ...]

    def counted(self) -> dict[Verdict, int]:
        """Return how many properties have each verdict."""
        values = list(self.found.values())
        return {
            "improved": values.count("improved"),
            "harmed": values.count("harmed"),
            "undecided": values.count("undecided"),
        }


def rows_of(view: Overview, part: Part, kind: str = "") -> list[PropertyRow]:
    """Return the property rows of a part, of one kind of evaluation if it is named."""
    where = (part.comparison, part.acquisition)
    return [
        row
        for row in view.results.properties
        if (row.comparison, row.acquisition) == where and kind in ("", row.evaluation)
    ]


def parts_with(view: Overview, kind: str = "") -> list[Part]:
    """Return the parts that have properties, without those that repeat the numbers of the shared comparison."""
    return [part for part in view.parts if rows_of(view, part, kind) and not view.repeats(part)]


def budgets_of(rows: Iterable[PropertyRow], arm: str) -> list[int]:
    """Return the budgets at which an arm has properties, ascending."""
    return sorted({row.budget for row in rows if row.arm == arm})


def largest(rows: Sequence[PropertyRow]) -> list[PropertyRow]:
    """Return the rows at the largest budget that there is."""
    budget = max((row.budget for row in rows), default=0)
    return [row for row in rows if row.budget == budget]


def at(rows: Iterable[PropertyRow], arm: str, budget: int) -> list[PropertyRow]:
    """Return the rows of an arm at a budget."""
    return [row for row in rows if (row.arm, row.budget) == (arm, budget)]


def by_seed(rows: Iterable[PropertyRow]) -> dict[str, dict[int, Property]]:
    """Return {property: {seed: property}} of rows of one arm and budget."""
    found: dict[str, dict[int, Property]] = {}
    for row in rows:
        for name, one in row.properties.items():
            found.setdefault(name, {})[row.seed] = one
    return found


def _drawable(view: Overview, kind: str) -> list[tuple[Part, dict[str, list[PropertyRow]]]]:
    """Return what figures of a kind are drawn from: for each part, every arm's rows at its last budget."""
    found = []
    for part in parts_with(view, kind):
        rows = [row for row in rows_of(view, part, kind) if row.details]
        last = {arm: at(rows, arm, max(budgets_of(rows, arm), default=0)) for arm in view.arms}
        if arms := {arm: own for arm, own in last.items() if own}:
            found.append((part, arms))
    return found


def drawn(
    view: Overview, kind: str, name: str, text: str, figure: Callable[[Mapping[str, Sequence[PropertyRow]]], go.Figure]
) -> list[tuple[str, str, str]]:
    """Return title, figure and numbers of labels of each part that has details of a kind.

    Args:
        view: of the study.
        kind: of the evaluation.
        name: of the elements on the page.
        text: what the figures show, for those who do not see them.
        figure: draws the rows of every arm.
    """
    return [
        (part.title, figure_html(figure(arms), f"{name}-{number}", f"{text}, {part.title}."), _budgets_text(arms))
        for number, (part, arms) in enumerate(_drawable(view, kind))
    ]


def _budgets_text(arms: Mapping[str, Sequence[PropertyRow]]) -> str:
    """Return at how many labels each arm's rows are, in words."""
    return ", ".join(f"{arm} at {counted(rows[0].budget, 'label')}" for arm, rows in arms.items())


def references(view: Overview) -> dict[str, float]:
    """Return {property: value} of the reference."""
    return {
        name: one.value
        for measured in view.results.references.values()
        for name, one in measured.properties.items()
        if one.value is not None
    }


def compared(view: Overview) -> Compared | None:
    """Return what the leading arm's properties show against the baseline's, at the largest number of labels of both.

    It is of the first comparison and acquisition in which they can be compared; None where there is none.
    """
    for part in parts_with(view):
        if found := [one for one in compared_in(view, part) if one.arm == view.leader]:
            return found[-1]
    return None


def compared_in(view: Overview, part: Part) -> list[Compared]:
    """Return what the properties of every arm show against the baseline's, at each number of labels that both have.

    A property's error is the absolute deviation from its reference. Errors are compared in pairs of seeds; the verdicts
    of one arm and number of labels are corrected for the number of properties (Holm). With fewer than three seeds
    nothing is decided.
    """
    expected = references(view)
    rows = [row for row in rows_of(view, part) if set(row.properties) & set(expected)]
    found = []
    for arm in view.others:
        for budget in sorted(set(budgets_of(rows, arm)) & set(budgets_of(rows, view.baseline))):
            own, other = by_seed(at(rows, arm, budget)), by_seed(at(rows, view.baseline, budget))
            deviations = {
                name: one
                for name, value in expected.items()
                if (one := _deviations(own.get(name, {}), other.get(name, {}), value))
            }
            if not deviations:
                continue
            values = {name: tuple(a - b for a, b in one.values()) for name, one in deviations.items()}
            enough = {name: one for name, one in values.items() if len(one) >= SEEDS_FOR_A_CLAIM}
            decided = dict(zip(enough, verdicts(list(enough.values())), strict=True))
            verdict = {name: decided.get(name, "undecided") for name in values}
            seeds = tuple(sorted({seed for one in deviations.values() for seed in one}))
            together = (_log_ratio(deviations, expected, seed) for seed in seeds)
            ratios = tuple(one for one in together if one is not None)
            found.append(Compared(part, arm, budget, seeds, verdict, values, ratios))
    return found


def readable(name: str, unit: str) -> str:
    """Return a property's name as it is printed, its unit apart."""
    return name.removesuffix(f"_{_UNITS.get(unit, unit)}").replace("_", " ")


def walks_of(rows: Iterable[PropertyRow], arm: str) -> list[Mapping[str, Any]]:
    """Return the walks of an arm, of all seeds, from rows of ``stability`` at one budget."""
    return [walk for row in rows if row.arm == arm for walk in row.details.get("walks", ())]


def _deviations(
    own: Mapping[int, Property], other: Mapping[int, Property], expected: float
) -> dict[int, tuple[float, float]]:
    """Return {seed: absolute deviations of both}, where both have a value."""
    values = {seed: (own[seed].value, other[seed].value) for seed in sorted(set(own) & set(other))}
    return {
        seed: (abs(a - expected), abs(b - expected))
        for seed, (a, b) in values.items()
        if a is not None and b is not None
    }


def _log_ratio(
    deviations: Mapping[str, Mapping[int, tuple[float, float]]], expected: Mapping[str, float], seed: int
) -> float | None:
    """Return the mean over properties; None where no reference differs from zero."""
    ratios = [
        log(max(one[seed][0], least) / max(one[seed][1], least))
        for name, one in deviations.items()
        if seed in one and (least := _LEAST_DEVIATION * abs(expected[name])) > 0
    ]
    return float(np.mean(ratios)) if ratios else None
