"""Errors by test slice."""

from al_core.report.numbers import spread_note
from al_core.report.overview import FORCE_MAE, PRESSURE_BIAS, STRESS_MAE, Overview
from al_core.report.page import Section, fragment
from al_core.report.tables import slice_table

_PRESSURE = (
    "Mean of predicted minus labelled pressure in GPa. Above zero, a simulation at constant pressure has too large a "
    "volume; zero is best"
)
_TABLES = (
    ("Force MAE", FORCE_MAE, "Force MAE in meV/Å"),
    ("Stress MAE", STRESS_MAE, "MAE of the six stress components in GPa"),
    ("Pressure", PRESSURE_BIAS, _PRESSURE),
)


def slices_section(view: Overview) -> Section | None:
    """Return the errors at the largest finished budget, arms by test slices."""
    if not view.results.rows:
        return None
    tables = [(title, meaning, slice_table(view, metric)) for title, metric, meaning in _TABLES]
    html = fragment("sections/slices", tables=tables, spread=spread_note(view.points))
    return Section("slices", "Errors by test slice", html)
