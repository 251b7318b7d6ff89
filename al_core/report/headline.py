"""The result in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from al_core.report.numbers import counted, number, reach_text
from al_core.report.overview import FORCE_MAE, Overview, Part, overview
from al_core.studies.curves import SEEDS_FOR_A_CLAIM, Point
from al_core.studies.inference import verdicts
from al_core.studies.results import StudyResults
from al_core.studies.statistics import TransferDifference, labels_saved


@dataclass(frozen=True)
class Subject:
    """What the first sentence is about: the point of the leading arm's learning curve, and the part it is of."""

    part: Part
    point: Point


def subject(view: Overview) -> Subject | None:
    """Return what the first sentence is about, None where that has no finished cell.

    It does not depend on the results: the leading arm, the first comparison and acquisition of the config, and the
    middle budget (of an unfinished study: the nearest one the arm has finished, the smaller of two).
    """
    part = next(iter(view.parts), None)
    curves = {curve.arm: curve for curve in view.curves(part, FORCE_MAE)} if part else {}
    if part is None or view.leader not in curves:
        return None
    curve = curves[view.leader]
    budgets = sorted(view.results.config.get("budgets", ())) or [point.budget_labels for point in curve.points]
    middle = budgets[len(budgets) // 2]
    return Subject(part, min(curve.points, key=lambda one: (abs(one.budget_labels - middle), one.budget_labels)))


def headline(results: StudyResults) -> str:
    """Return the result in one sentence, on what :func:`subject` says."""
    view = overview(results)
    found = subject(view)
    if found is None:
        return f"No result yet: {len(results.rows)} of {counted(results.expected_rows, 'cell')} finished."
    arm, n, baseline = view.leader, found.point.budget_labels, view.baseline
    all_saved = labels_saved(results.rows, found.part.comparison, found.part.acquisition, FORCE_MAE, baseline=baseline)
    saved = next((one for one in all_saved if (one.arm, one.budget_labels) == (arm, n)), None)
    error = number(saved.arm_error if saved else found.point.mean)
    start = f"With {counted(n, 'label')}, {arm} reaches a force MAE of {error} meV/Å"
    if saved is None:
        return f"{start}; there is no finished {baseline} arm to compare it with."
    reach = saved.baseline
    if reach.bound == ">":
        return f"{start}; {baseline} does not reach that with up to {counted(int(reach.labels), 'label')}."
    if reach.bound == "<=":
        return f"{start}; {baseline} is at least as good with {counted(int(reach.labels), 'label')}."
    return f"{start}; {baseline} needs {'only ' if saved.ratio < 1 else ''}{reach_text(reach)}."


def transfer_verdict(differences: Sequence[TransferDifference], baseline: str) -> str:
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


def cautions(view: Overview) -> list[str]:
    """Return what a reader must know before the numbers: what is unfinished, failed, or of too few seeds."""
    results, told = view.results, []
    if not results.complete:
        failed = f", {len(results.failures)} failed" if results.failures else ""
        told.append(f"This study is unfinished: {len(results.rows)} of {results.expected_rows} cells finished{failed}.")
    counts = [len(point.seeds) for point in view.points]
    if counts and max(counts) < SEEDS_FOR_A_CLAIM:
        told.append(f"Only {counted(max(counts), 'seed')} finished: no claim is made with fewer than three seeds.")
    elif counts and min(counts) < SEEDS_FOR_A_CLAIM:
        told.append("Some points have fewer than three seeds so far: no claim is made with fewer than three seeds.")
    return told


def _shown(differences: Sequence[TransferDifference]) -> str:
    """Return a sentence on what the seeds show; '' where they are too few."""
    enough = [one.log_ratios for one in differences if len(one.log_ratios) >= SEEDS_FOR_A_CLAIM]
    if not enough:
        return ""
    found = verdicts(enough)
    counts = ", ".join(f"{found.count(name)} {name}" for name in ("improved", "harmed", "undecided"))
    return f" By paired t tests of the errors' ratios, corrected for their number (Holm): {counts}."
