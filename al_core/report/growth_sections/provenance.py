"""Where a growth comes from."""

from al_core.report.growth_overview import GrowthOverview
from al_core.report.page import Section, fragment
from al_core.report.sections.provenance import flat


def provenance_section(view: GrowthOverview) -> Section | None:
    """Return versions, machine, hashes and the labeler's settings."""
    if not view.results.provenance:
        return None
    values = list(flat(view.results.provenance))
    return Section("provenance", "Provenance", fragment("sections/provenance", values=values))
