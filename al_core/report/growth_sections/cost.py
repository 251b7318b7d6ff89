"""What a growth has asked for and paid, round by round."""

from al_core.report.growth_overview import GrowthOverview
from al_core.report.numbers import hours
from al_core.report.page import Section, fragment
from al_core.report.tables import Cell, Group, Table

_COUNTS = ("labels", "labels_reused", "label_core_seconds", "training_core_seconds")


def cost_section(view: GrowthOverview) -> Section | None:
    """Return labels and processor time by round, and the labels that failed."""
    if not view.results.ledger:
        return None
    html = fragment("growth_sections/cost", ledger=view.results.ledger, by_round=_by_round(view))
    return Section("cost", "Cost", html)


def _by_round(view: GrowthOverview) -> Table:
    """Return what each round has added to the ledger, whose counts are cumulative: a round's budget is its number + 1.

    The labels of a round are asked for at its end, with the next budget; its committee is trained at its start.
    """
    lines = {int(line["budget"]): line for line in view.results.ledger.get("per_budget", ())}
    rows, before = [], dict.fromkeys(_COUNTS, 0.0)
    for one in view.rounds:
        line = lines.get(one.number + 1)
        if line is None:
            continue
        added = {name: line[name] - before[name] for name in _COUNTS}
        cells = (
            Cell(f"{added['labels']:.0f}"),
            Cell(f"{added['labels_reused']:.0f}"),
            Cell(hours(added["label_core_seconds"])),
            Cell(hours(added["training_core_seconds"])),
            Cell(hours(line["label_core_seconds"] + line["training_core_seconds"])),
        )
        rows.append((str(one.number), cells))
        before = {name: line[name] for name in _COUNTS}
    columns = ("labels", "of these reused", "labelling", "training", "all so far")
    return Table("round", columns, (Group("", tuple(rows)),) if rows else ())
