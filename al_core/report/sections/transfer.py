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


def differences(view: Overview) -> list[TransferDifference]:
    """Return the differences to the baseline of all arms, acquisitions and budgets, in the force MAE."""
    return [
        one
        for name in view.acquisitions
        for one in transfer_differences(view.results.rows, name, FORCE_MAE, baseline=view.baseline)
    ]


def transfer_section(view: Overview) -> Section | None:
    """Return the differences to the baseline, by budget."""
    found = differences(view)
    if not found:
        return None
    tables = [(title, table) for title, metric in _METRICS if (table := transfer_table(view, metric)).groups]
    html = fragment(
        "sections/transfer",
        verdict=transfer_verdict(found, view.baseline),
        expected=transferability_sentences(view.folder) if view.folder else [],
        tables=tables,
        baseline=view.baseline,
        spread=spread_note(view.points),
    )
    return Section("transfer", "Negative transfer", html)
