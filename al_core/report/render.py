"""From the results of a study to its report: one HTML file that needs nothing else."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from al_core.report.figures import arm_styles, error_range, figure_html, learning_curve_figure, plotly_script
from al_core.report.tables import (
    ENERGY_MAE,
    FORCE_DEVIATION,
    FORCE_MAE,
    PRESSURE_BIAS,
    STRESS_MAE,
    Part,
    budget_table,
    counted,
    number,
    reach_text,
    saved_table,
    slice_table,
    spread_note,
    transfer_table,
)
from al_core.storage.files import write_text
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, Curve, Point, learning_curves
from al_core.studies.inference import verdicts
from al_core.studies.results import StudyResults, load_results
from al_core.studies.statistics import TransferDifference, labels_saved, transfer_differences

_TRANSFER_METRICS = (
    ("Force MAE, meV/Å", FORCE_MAE),
    ("Energy MAE, meV/atom", ENERGY_MAE),
    ("Stress MAE, GPa", STRESS_MAE),
)
_COMPARISONS = {"shared": "shared label sets", "own": "own acquisitions"}


def write_report(out: Path) -> Path:
    """Write ``report.html`` into the folder of a study, atomically, and return its path.

    Raises:
        ConfigError: the folder holds no study.
    """
    path = Path(out) / "report.html"
    write_text(path, render_report(load_results(out)))
    return path


def render_report(results: StudyResults) -> str:
    """Return the report as one self-contained HTML page; the same results give the same page."""
    arms = _listed(results, "arms", (row.arm for row in results.rows))
    baseline = results.baseline
    others = [arm for arm in arms if arm != baseline]
    budgets = sorted({*results.config.get("budgets", ()), *(row.budget for row in results.rows)})
    slices = list(dict.fromkeys(["all", *(name for row in results.rows for name in row.metrics)]))
    parts = _parts(results)
    acquisitions = list(dict.fromkeys(part.acquisition for part in parts))
    force_curves = {part: _curves(results, part, FORCE_MAE) for part in parts}
    energy_curves = {part: _curves(results, part, ENERGY_MAE) for part in parts}
    stress_curves = {part: _curves(results, part, STRESS_MAE) for part in parts}
    has_stress = any(stress_curves.values())
    points = [point for curves in force_curves.values() for curve in curves for point in curve.points]
    differences = [
        one for name in acquisitions for one in transfer_differences(results.rows, name, FORCE_MAE, baseline=baseline)
    ]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, hours=_hours)
    return environment.get_template("template.html.j2").render(
        results=results,
        headline=headline(results),
        baseline=baseline,
        has_baseline=baseline in arms,
        has_shared="shared" in _listed(results, "comparisons", (row.comparison for row in results.rows)),
        leader=_leader(results, arms),
        chooser=results.config.get("shared_leader") or (arms[-1] if arms else ""),
        seeds=sorted({row.seed for row in results.rows}),
        caution=_caution(points),
        spread=spread_note(points),
        parts=[(part, _same_cells(results, part)) for part in parts],
        force_figures=_figures(force_curves, arms, budgets, "force MAE", "meV/Å", baseline),
        energy_figures=_figures(energy_curves, arms, budgets, "energy MAE", "meV/atom", baseline),
        stress_figures=_figures(stress_curves, arms, budgets, "stress MAE", "GPa", baseline) if has_stress else [],
        slice_table=slice_table(results, parts, arms, slices, FORCE_MAE),
        force_table=budget_table(results, parts, arms, budgets, FORCE_MAE),
        energy_table=budget_table(results, parts, arms, budgets, ENERGY_MAE),
        stress_table=budget_table(results, parts, arms, budgets, STRESS_MAE),
        pressure_table=budget_table(results, parts, arms, budgets, PRESSURE_BIAS),
        stress_slices=slice_table(results, parts, arms, slices, STRESS_MAE),
        pressure_slices=slice_table(results, parts, arms, slices, PRESSURE_BIAS),
        deviation_table=budget_table(results, parts, arms, budgets, FORCE_DEVIATION),
        saved_table=saved_table(results, parts, others, budgets, FORCE_MAE),
        differences=differences,
        transfer_verdict=transfer_verdict(differences, baseline),
        transfer_tables=[
            (title, transfer_table(results, acquisitions, others, budgets, slices, metric))
            for title, metric in _TRANSFER_METRICS
            if metric != STRESS_MAE or has_stress
        ],
        provenance=list(_flat(results.provenance)),
        config_yaml=yaml.safe_dump(results.config, sort_keys=False, allow_unicode=True),
        plotly_script=plotly_script(),
    )


def headline(results: StudyResults) -> str:
    """Return the result in one sentence.

    What it is about does not depend on the results: the leading arm, the first comparison and acquisition of the
    config, and the middle budget (of an unfinished study: the nearest one the arm has finished, the smaller of two).
    """
    arms = _listed(results, "arms", (row.arm for row in results.rows))
    arm = _leader(results, arms)
    part = next(iter(_parts(results)), None)
    curves = {} if part is None else {curve.arm: curve for curve in _curves(results, part, FORCE_MAE)}
    if arm not in curves or part is None:
        return f"No result yet: {len(results.rows)} of {counted(results.expected_rows, 'cell')} finished."
    budgets = sorted(results.config.get("budgets", ())) or [point.budget_labels for point in curves[arm].points]
    middle = budgets[len(budgets) // 2]
    point = min(curves[arm].points, key=lambda one: (abs(one.budget_labels - middle), one.budget_labels))
    n = point.budget_labels
    baseline = results.baseline
    saved = labels_saved(results.rows, part.comparison, part.acquisition, FORCE_MAE, baseline=baseline)
    found = next((one for one in saved if (one.arm, one.budget_labels) == (arm, n)), None)
    error = number(found.arm_error if found else point.mean)
    start = f"With {counted(n, 'label')}, {arm} reaches a force MAE of {error} meV/Å"
    if found is None:
        return f"{start}; there is no finished {baseline} arm to compare it with."
    reach = found.baseline
    if reach.bound == ">":
        return f"{start}; {baseline} does not reach that with up to {counted(int(reach.labels), 'label')}."
    if reach.bound == "<=":
        return f"{start}; {baseline} is at least as good with {counted(int(reach.labels), 'label')}."
    return f"{start}; {baseline} needs {'only ' if found.ratio < 1 else ''}{reach_text(reach)}."


def transfer_verdict(differences: list[TransferDifference], baseline: str) -> str:
    """Return in one sentence how often the transfer was negative."""
    if not differences:
        return f"Nothing can be said yet: no arm has a finished {baseline} partner on the same labels."
    negative = [one for one in differences if one.negative]
    every = [one for one in negative if one.seeds_worse == len(one.seeds)]
    of = f"of the {len(differences)} combinations of arm, acquisition and budget"
    shown = _shown(differences)
    if not negative:
        return f"No negative transfer: in none {of} is the mean force MAE higher than that of {baseline}.{shown}"
    return (
        f"Negative transfer in {len(negative)} {of}: the mean force MAE is higher than that of {baseline} "
        f"({len(every)} of them worse in every seed).{shown}"
    )


def _shown(differences: list[TransferDifference]) -> str:
    """Return a sentence on what the seeds show; '' where they are too few."""
    enough = [one.differences for one in differences if len(one.seeds) >= SEEDS_FOR_A_CLAIM]
    if not enough:
        return ""
    found = verdicts(enough)
    counts = ", ".join(f"{found.count(name)} {name}" for name in ("improved", "harmed", "undecided"))
    return f" By paired t tests, corrected for their number (Holm): {counts}."


def _name(value: Any) -> str:
    """Return the name of a method's settings, which is its kind if it has none; other values are names."""
    return str(value.get("name") or value["kind"] if isinstance(value, dict) else value)


def _listed(results: StudyResults, key: str, in_rows: Iterable[str]) -> list[str]:
    """Return the names a config lists under ``key``, then those found in rows only."""
    return list(dict.fromkeys([*map(_name, results.config.get(key, ())), *in_rows]))


def _leader(results: StudyResults, arms: list[str]) -> str:
    """Return the arm the headline is about: the study's leader, but never the baseline."""
    others = [arm for arm in arms if arm != results.baseline]
    leader = str(results.config.get("shared_leader", ""))
    return leader if leader in others else others[-1] if others else ""


def _parts(results: StudyResults) -> list[Part]:
    return [
        Part(comparison, acquisition, f"{_COMPARISONS.get(comparison, comparison)}, {acquisition}")
        for comparison in _listed(results, "comparisons", (row.comparison for row in results.rows))
        for acquisition in _listed(results, "acquisitions", (row.acquisition for row in results.rows))
    ]


def _curves(results: StudyResults, part: Part, metric: str) -> tuple[Curve, ...]:
    return learning_curves(results.rows, part.comparison, part.acquisition, metric)


def _same_cells(results: StudyResults, part: Part) -> bool:
    """Return whether every cell of a part also counts in the shared comparison, so that its figure repeats that one."""
    cells: dict[str, set[str]] = {part.comparison: set(), "shared": set()}
    for row in results.rows:
        if row.acquisition == part.acquisition and row.comparison in cells:
            cells[row.comparison].add(row.model)
    return part.comparison != "shared" and bool(cells[part.comparison]) and cells[part.comparison] == cells["shared"]


def _figures(
    curves: dict[Part, tuple[Curve, ...]],
    arms: list[str],
    budgets: list[int],
    quantity: str,
    unit: str,
    baseline: str,
) -> list[str]:
    """Return one figure per part, '' where nothing is finished; all have the same axes."""
    errors = error_range(curve for part in curves.values() for curve in part)
    styles = arm_styles(arms, baseline)
    return [
        figure_html(
            learning_curve_figure(curves[part], budgets, styles, errors, quantity, unit),
            f"{quantity.replace(' ', '-')}-{i}",
        )
        if curves[part]
        else ""
        for i, part in enumerate(curves)
    ]


def _caution(points: list[Point]) -> str:
    fewest = min((len(point.seeds) for point in points), default=0)
    most = max((len(point.seeds) for point in points), default=0)
    if not points or fewest >= SEEDS_FOR_A_CLAIM:
        return ""
    if most < SEEDS_FOR_A_CLAIM:
        return f"Only {counted(most, 'seed')} finished: no claim is made with fewer than three seeds."
    return "Some points have fewer than three seeds so far: no claim is made with fewer than three seeds."


def _hours(core_seconds: float) -> str:
    if not core_seconds:
        return "nothing"
    if core_seconds < 3600:
        return f"{number(core_seconds)} core-seconds"
    return f"{number(core_seconds / 3600)} core-hours"


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every plain value of nested dictionaries; lists of plain values are one text."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _flat(child, (*path, str(key)))
    elif isinstance(value, list | tuple) and any(isinstance(child, dict) for child in value):
        for i, child in enumerate(value):
            yield from _flat(child, (*path, str(i + 1)))
    elif isinstance(value, list | tuple):
        yield " › ".join(path), ", ".join(map(str, value))
    else:
        yield " › ".join(path), "–" if value is None or value == {} else str(value)
