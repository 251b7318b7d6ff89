"""The verdict of a study in four tiles: data efficiency, stability, properties, cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import binomtest

from al_core.evaluation.survival import stable_up_to
from al_core.report.headline import subject
from al_core.report.numbers import counted, hours, interval_text, number, ratio_text
from al_core.report.overview import FORCE_MAE, Overview
from al_core.report.properties import compared, largest, parts_with, rows_of, walks_of
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, seed_values
from al_core.studies.inference import efficiency, paired

MISSING = "–"


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes:
        title: what it is about.
        value: the result, in a few characters; ``MISSING`` where there is none.
        unit: behind the value, smaller.
        lines: what the value means, or what to set to get one.
        counts: instead of a value: (number, word) of each.
    """

    title: str
    value: str
    unit: str = ""
    lines: tuple[str, ...] = ()
    counts: tuple[tuple[int, str], ...] = ()


def tiles(view: Overview) -> tuple[Tile, ...]:
    """Return the four tiles of a study."""
    return efficiency_tile(view), stability_tile(view), properties_tile(view), cost_tile(view)


def efficiency_tile(view: Overview) -> Tile:
    """Return how many labels the baseline needs for each of the leading arm, with its interval."""
    title, found = "Data efficiency", subject(view)
    if view.baseline not in view.arms:
        return Tile(title, MISSING, lines=(f"Not measured: add {{kind: {view.baseline}}} to arms.",))
    if not view.leader:
        return Tile(title, MISSING, lines=(f"Not measured: add an arm that is compared with {view.baseline} to arms.",))
    if found is None:
        return Tile(title, MISSING, lines=(f"No finished cell of {view.leader} yet.",))
    budget, part = found.point.budget_labels, found.part
    errors = seed_values(view.results.rows, part.comparison, part.acquisition, FORCE_MAE)
    one = efficiency(errors[view.leader], errors.get(view.baseline, {}), budget)
    if one is None:
        return Tile(title, MISSING, lines=(f"No seed has finished both {view.leader} and {view.baseline} yet.",))
    seeds = counted(len(one.seeds), "seed")
    interval = (
        f"95 % interval {interval_text(one.low, one.high)}×, {seeds}"
        if len(one.seeds) >= SEEDS_FOR_A_CLAIM
        else f"{seeds}: no interval, which takes three"
    )
    meaning = (
        f"labels {view.baseline} needs for each of {view.leader}, at the force error of {counted(budget, 'label')}"
    )
    return Tile(title, f"{ratio_text(one.ratio)}×", lines=(interval, meaning, part.title))


def stability_tile(view: Overview) -> Tile:
    """Return up to which temperature all walkers of the leading arm are stable, at its largest budget."""
    title, arm = "Stable simulations", view.leader or view.baseline
    for part in parts_with(view, "stability"):
        rows = rows_of(view, part, "stability")
        own = largest([row for row in rows if row.arm == arm])
        walks = walks_of(own, arm)
        if not walks:
            continue
        last, length = stable_up_to(walks), max(float(walk["time_ps"]) for walk in walks)
        lines = [f"{arm} at {counted(own[0].budget, 'label')}, for {length:g} ps", *_walkers(walks)]
        baseline = walks_of(largest([row for row in rows if row.arm == view.baseline]), view.baseline)
        if baseline and view.leader:
            other = stable_up_to(baseline)
            lines.append(f"{view.baseline}: {'at no temperature' if other is None else f'up to {other:g} K'}")
        if last is None:
            return Tile(title, "none", lines=tuple(lines))
        return Tile(title, f"up to {last:g}", "K", tuple(lines))
    return Tile(title, MISSING, lines=(_unmeasured(view, "stability"),))


def properties_tile(view: Overview) -> Tile:
    """Return how many properties of the leading arm are nearer to the reference than the baseline's."""
    title = "Properties"
    if not view.results.properties:
        return Tile(title, MISSING, lines=(_unmeasured(view, "lattice", "elastic", "phonons"),))
    found = compared(view)
    if found is None:
        partner = f"{view.leader or 'an arm'} and {view.baseline} have none at a common number of labels"
        reason = partner if view.results.references else "there are no reference values"
        return Tile(title, MISSING, lines=(f"Not compared: {reason}.",))
    counts = tuple((count, str(word)) for word, count in found.counted().items())
    few = len(found.seeds) < SEEDS_FOR_A_CLAIM
    lines = [
        f"{view.leader} against {view.baseline} at {counted(found.budget, 'label')}, by deviation from the reference",
        f"{counted(len(found.seeds), 'seed')}{': too few to decide' if few else ', corrected for their number (Holm)'}",
    ]
    if len(found.log_ratios) >= SEEDS_FOR_A_CLAIM:
        all_ = paired(found.log_ratios)
        mean, low, high = (number(math.exp(value)) for value in (all_.mean, all_.low, all_.high))
        lines.append(f"all together: {mean} times its deviation (95 %: {low} to {high})")
    return Tile(title, "", lines=tuple(lines), counts=counts)


def cost_tile(view: Overview) -> Tile:
    """Return the processor time of labels and training."""
    spent = view.results.ledger
    if not spent:
        return Tile("Cost", MISSING, lines=("Nothing was spent yet.",))
    labels, training = spent["label_core_seconds"], spent["training_core_seconds"]
    lines = [f"{counted(spent['labels_done'], 'label')}: {hours(labels)}", f"training: {hours(training)}"]
    if spent["labels_failed"]:
        lines.append(f"{counted(spent['labels_failed'], 'label')} failed: {hours(spent['failed_core_seconds'])} of it")
    if spent.get("reference_core_seconds"):
        lines.append(f"reference values, apart: {hours(spent['reference_core_seconds'])}")
    return Tile("Cost", number((labels + training) / 3600), "core-hours", tuple(lines))


def _unmeasured(view: Overview, *kinds: str) -> str:
    """Return what to do for an evaluation that has nothing yet."""
    asked = {one.get("kind") for one in view.results.config.get("evaluations", ())}
    if asked & set(kinds):
        return "Asked for, and nothing there yet."
    return f"Not measured: add {', '.join(f'{{kind: {kind}}}' for kind in kinds)} to evaluations."


def _walkers(walks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how many walkers are stable at the last stable temperature, and how many fail at the next."""
    last = stable_up_to(walks)
    temperatures = sorted({float(walk["temperature_K"]) for walk in walks})
    told = []
    for temperature in temperatures[: (0 if last is None else temperatures.index(last) + 1) + 1]:
        here = [walk for walk in walks if float(walk["temperature_K"]) == temperature]
        failed = sum(bool(walk["failure"]) for walk in here)
        if failed:
            told.append(f"at {temperature:g} K {failed} of {counted(len(here), 'walker')} failed")
        elif temperature == last:
            low = 100 * binomtest(len(here), len(here)).proportion_ci(method="wilson").low
            told.append(f"all {counted(len(here), 'walker')} at {last:g} K stable (95 %: at least {low:.0f} %)")
    return told
