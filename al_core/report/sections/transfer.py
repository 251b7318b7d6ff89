"""Where the transfer did harm: every arm against the baseline on the same labels."""

from al_core.report.headline import transfer_verdict
from al_core.report.numbers import spread_note
from al_core.report.overview import ENERGY_MAE, FORCE_MAE, STRESS_MAE, Overview
from al_core.report.page import Section, fragment
from al_core.report.tables import transfer_table
from al_core.studies.expectations import transferability_sentences
from al_core.studies.statistics import TransferDifference, transfer_differences

_METRICS = (
    ("Force MAE, meV/Å", FORCE_MAE),
    ("Energy MAE, meV/atom", ENERGY_MAE),
    ("Stress MAE, GPa", STRESS_MAE),
)


def differences(view: Overview, metric: str = FORCE_MAE) -> list[TransferDifference]:
    """Return the differences to the baseline of all arms, acquisitions and budgets."""
    return [
        one
        for name in view.acquisitions
        for one in transfer_differences(view.results.rows, name, metric, baseline=view.baseline)
    ]


def _by_other_errors(view: Overview) -> str:
    """Return in a sentence how often the transfer was negative by energies and stresses; '' where there are none."""
    counts = []
    for title, metric in _METRICS[1:]:
        found = differences(view, metric)
        if found:
            worse = sum(one.negative for one in found)
            counts.append(f"by {title[0].lower()}{title[1:].split(',')[0]} it is in {worse or 'none'} of {len(found)}")
    return f"{counts[0][0].upper()}{', '.join(counts)[1:]}." if counts else ""


def transfer_section(view: Overview) -> Section | None:
    """Return the differences to the baseline, by budget."""
    found = differences(view)
    if not found:
        return None
    tables = [(title, table) for title, metric in _METRICS if (table := transfer_table(view, metric)).groups]
    html = fragment(
        "sections/transfer",
        verdict=transfer_verdict(found, view.baseline),
        others=_by_other_errors(view),
        expected=transferability_sentences(view.folder) if view.folder else [],
        tables=tables,
        baseline=view.baseline,
        spread=spread_note(view.points),
    )
    return Section("transfer", "Negative transfer", html)
