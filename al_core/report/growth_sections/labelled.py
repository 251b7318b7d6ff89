"""What was labelled, and why."""

from al_core.report.growth_overview import GrowthOverview
from al_core.report.numbers import counted, hours, number
from al_core.report.page import Section, fragment
from al_core.report.tables import Cell, Group, Table
from al_core.studies.growth_index import Chosen


def labelled_section(view: GrowthOverview) -> Section | None:
    """Return the labelled structures of every round; None before the first label."""
    rounds = [one for one in view.rounds if one.chosen]
    if not rounds:
        return None
    groups = tuple(
        Group(
            f"Round {one.number}: {counted(len(one.chosen), 'structure')}, "
            f"{sum(each.drawn for each in one.chosen)} of them drawn at random",
            tuple((each.slice, _cells(view, each)) for each in one.chosen),
        )
        for one in rounds
    )
    columns = ("atoms", "walker", "time, ps", "expected error, meV/Å", "why", "cost", "outcome")
    html = fragment(
        "growth_sections/labelled",
        table=Table("structure", columns, groups),
        acquisition=view.results.config.get("acquisition", {}).get("kind", ""),
        unknown=view.costs is None,
    )
    return Section("labelled", "What was labelled, and why", html)


def _cells(view: GrowthOverview, one: Chosen) -> tuple[Cell, ...]:
    cost = (view.costs or {}).get(one.key)
    return (
        Cell(str(one.atoms)),
        Cell(str(one.walker)),
        Cell(f"{one.time_ps:.3g}"),
        Cell(number(1e3 * one.expected)),
        Cell("drawn" if one.drawn else "selected"),
        Cell() if cost is None else Cell(hours(cost)),
        Cell("failed", one.failure) if one.failure else Cell("labelled"),
    )
