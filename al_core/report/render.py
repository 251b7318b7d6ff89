"""From the results of a study to its report: one HTML file that needs nothing else."""

from collections.abc import Callable
from pathlib import Path

from al_core.report.figures import plotly_script
from al_core.report.headline import cautions, headline, subject, transfer_verdict
from al_core.report.numbers import spread_note
from al_core.report.overview import Overview, overview
from al_core.report.page import Section, fragment, page_html
from al_core.report.sections.acquisitions import acquisitions_section
from al_core.report.sections.equation_of_state import equation_of_state_section
from al_core.report.sections.learning import learning_section
from al_core.report.sections.ledger import ledger_section
from al_core.report.sections.parity import parity_section
from al_core.report.sections.phonons import phonons_section
from al_core.report.sections.pool_map import pool_map_section
from al_core.report.sections.properties import properties_section
from al_core.report.sections.provenance import provenance_section, reproduce_section
from al_core.report.sections.saved import saved_section
from al_core.report.sections.slices import slices_section
from al_core.report.sections.spread import spread_section
from al_core.report.sections.structure import structure_section
from al_core.report.sections.survival import survival_section
from al_core.report.sections.temperature import temperature_section
from al_core.report.sections.transfer import differences, transfer_section
from al_core.report.tiles import tiles
from al_core.storage.files import write_text
from al_core.studies.results import StudyResults, load_results

SECTIONS: tuple[Callable[[Overview], Section | None], ...] = (
    learning_section,
    saved_section,
    acquisitions_section,
    slices_section,
    temperature_section,
    transfer_section,
    survival_section,
    properties_section,
    equation_of_state_section,
    phonons_section,
    structure_section,
    spread_section,
    parity_section,
    pool_map_section,
    ledger_section,
    provenance_section,
    reproduce_section,
)


def write_report(out: Path) -> Path:
    """Write ``report.html`` into the folder of a study, atomically, and return its path.

    Raises:
        ConfigError: the folder holds no study.
    """
    path = Path(out) / "report.html"
    write_text(path, render_report(load_results(out), Path(out)))
    return path


def render_report(results: StudyResults, folder: Path | None = None) -> str:
    """Return the report as one self-contained HTML page; the same results give the same page.

    Without the study's folder there is nothing of single structures.
    """
    view = overview(results, folder)
    sections = [section(view) for section in SECTIONS]
    return page_html(results.name, _header(view), sections, plotly_script())


def _header(view: Overview) -> str:
    results, found = view.results, subject(view)
    middle = "at the middle budget" if results.complete else "at the middle budget (or the nearest finished one)"
    about = f"{view.leader} {middle} of the first comparison and acquisition ({found.part.title})" if found else ""
    failed = f", {len(results.failures)} failed" if results.failures else ""
    return fragment(
        "header",
        name=results.name,
        headline=headline(results),
        tiles=tiles(view),
        cautions=cautions(view),
        transfer=transfer_verdict(differences(view), view.baseline),
        cells=f"{len(results.rows)} of {results.expected_rows} cells finished{failed}.",
        seeds=sorted({row.seed for row in results.rows}),
        pooled=results.pooled,
        spread=spread_note(view.points),
        subject=about,
        missing=_missing(view),
    )


def _missing(view: Overview) -> str:
    """Return which comparisons cannot be made, and why; '' where all can."""
    told = []
    if view.baseline not in view.arms:
        told.append(f"This study has no {view.baseline} arm to compare with.")
    if not any(part.comparison == "shared" for part in view.parts):
        told.append("This study has no shared comparison; negative transfer is judged on shared labels only.")
    finished = {(row.comparison, row.acquisition) for row in view.results.rows}
    waiting = [part.title for part in view.parts if (part.comparison, part.acquisition) not in finished]
    if waiting:
        told.append(f"No cell is finished yet of: {'; '.join(waiting)}.")
    return " ".join(told)
