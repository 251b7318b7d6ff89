"""Labels saved at equal error."""

from al_core.report.overview import FORCE_MAE, Overview
from al_core.report.page import Section, fragment
from al_core.report.tables import saved_table


def saved_section(view: Overview) -> Section | None:
    """Return how many labels the baseline needs for each arm's error."""
    table = saved_table(view, FORCE_MAE)
    if not table.groups:
        return None
    return Section("saved", "Labels saved", fragment("sections/saved", table=table, baseline=view.baseline))
