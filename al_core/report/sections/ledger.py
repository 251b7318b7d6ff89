"""What the study has asked for and paid."""

from al_core.report.numbers import counted, hours
from al_core.report.overview import Overview
from al_core.report.page import Section, fragment
from al_core.report.tables import Cell, Group, Table


def ledger_section(view: Overview) -> Section | None:
    """Return labels and processor time, by budget and by arm, and what failed."""
    if not view.results.ledger:
        return None
    html = fragment("sections/ledger", ledger=view.results.ledger, failures=view.results.failures, by_arm=_by_arm(view))
    return Section("ledger", "Ledger", html)


def _by_arm(view: Overview) -> Table:
    """Return the training labels and the training time of each arm at each budget, each counted once."""
    rows = []
    for arm in view.arms:
        cells = []
        for budget in view.budgets:
            own = {row.model: row for row in view.results.rows if (row.arm, row.budget) == (arm, budget)}
            labels = {label for row in own.values() for label in row.labels}
            seconds = sum(row.core_seconds for row in own.values())
            told = f"{counted(len(own), 'committee')}\n{counted(len(labels), 'label')}"
            cells.append(Cell(hours(seconds), told) if own else Cell())
        rows.append((arm, tuple(cells)))
    groups = (Group("", tuple(rows)),) if view.results.rows else ()
    return Table("with labels", tuple(map(str, view.budgets)), groups)
