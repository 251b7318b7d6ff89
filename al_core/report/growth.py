"""From a growth to its report: one HTML file that needs nothing else."""

from collections.abc import Callable
from pathlib import Path

from al_core.report.figures import plotly_script
from al_core.report.growth_overview import GrowthOverview
from al_core.report.growth_sections.cost import cost_section
from al_core.report.growth_sections.errors import errors_section
from al_core.report.growth_sections.exploration import exploration_section
from al_core.report.growth_sections.labelled import labelled_section
from al_core.report.growth_sections.map import map_section
from al_core.report.growth_sections.provenance import provenance_section
from al_core.report.growth_sections.trust import trust_section
from al_core.report.growth_sections.use import use_section
from al_core.report.growth_sections.verdict import verdict
from al_core.report.page import Section, page_html
from al_core.storage.files import write_text
from al_core.studies.growth_index import GrowthResults, load_growth
from al_core.studies.workspace import Workspace

SECTIONS: tuple[Callable[[GrowthOverview], Section | None], ...] = (
    errors_section,
    exploration_section,
    trust_section,
    labelled_section,
    map_section,
    cost_section,
    use_section,
    provenance_section,
)


def write_growth_report(out: Path) -> Path:
    """Write ``report.html`` into the folder of a growth, atomically, and return its path.

    Raises:
        ConfigError: the folder holds no growth.
    """
    path = Workspace(Path(out)).report
    write_text(path, render_growth(load_growth(out), Path(out)))
    return path


def render_growth(results: GrowthResults, folder: Path) -> str:
    """Return the report as one self-contained HTML page; the same results and files give the same page.

    What the folder lacks is left out, and the page says so where a reader would miss it.
    """
    view = GrowthOverview(results, Path(folder))
    sections = [section(view) for section in SECTIONS]
    return page_html(results.name, verdict(view), sections, plotly_script())
