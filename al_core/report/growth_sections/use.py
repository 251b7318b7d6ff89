"""How to use the potential, and how to get it again."""

import yaml

from al_core.report.growth_overview import GrowthOverview
from al_core.report.page import Section, fragment


def use_section(view: GrowthOverview) -> Section | None:
    """Return snippets for ASE, and the command and config that give the same growth."""
    if not view.results.config:
        return None
    html = fragment(
        "growth_sections/use",
        name=view.results.name,
        material=view.material,
        finished=bool(view.results.reason),
        widths=[(f"{100 * level:.0f}", f"{width:.2f}") for level, width in view.last.calibration.widths]
        if view.last
        else [],
        version=view.results.provenance.get("versions", {}).get("graft-mlip", ""),
        config=yaml.safe_dump(view.results.config, sort_keys=False, allow_unicode=True),
    )
    return Section("use", "How to use and reproduce", html)
