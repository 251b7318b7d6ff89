"""Potentials that were measured as they are, in sentences: their errors, and how many labels pass them."""

from al_core.report.numbers import counted, number
from al_core.report.overview import ENERGY_MAE, FORCE_MAE, STRESS_MAE, Overview, Part
from al_core.studies.curves import Curve

_ERRORS = ((FORCE_MAE, "force MAE {} meV/Å"), (ENERGY_MAE, "energy MAE {} meV/atom"), (STRESS_MAE, "stress MAE {} GPa"))


def zero_shot_sentences(view: Overview) -> list[str]:
    """Return a paragraph for each potential that was measured as it is."""
    paragraphs = []
    for title, found in view.results.zero_shot.items():
        errors = found.metrics["all"]
        listed = ", ".join(text.format(number(errors[metric])) for metric, text in _ERRORS if metric in errors)
        notes = " ".join(f"{note}." for note in found.notes)
        passed = " ".join(_passed(view, part, errors[FORCE_MAE]) for part in view.finished_parts())
        paragraphs.append(
            f"{title} as it is, with no label of this study: {listed}, mean over the test slices. Energies are "
            f"compared after one constant per atom, fitted to the test set, is taken off. {notes} {passed}"
        )
    return paragraphs


def _passed(view: Overview, part: Part, error: float) -> str:
    """Return from how many labels on each arm's mean force error is smaller than an error."""
    arms = "; ".join(f"{curve.arm} {_from(curve, error)}" for curve in view.curves(part, FORCE_MAE))
    return f"Smaller mean force errors, {part.title}: {arms}."


def _from(curve: Curve, error: float) -> str:
    above = [point.budget_labels for point in curve.points if point.mean >= error]
    after = [point.budget_labels for point in curve.points if not above or point.budget_labels > above[-1]]
    return f"from {counted(after[0], 'label')} on" if after else f"not with up to {counted(above[-1], 'label')}"
