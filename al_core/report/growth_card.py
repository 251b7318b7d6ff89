"""The model card of a grown potential: what it is for, how wrong it is, what it was made from and what is doubtful."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from al_core.report.growth_overview import GrowthOverview
from al_core.report.growth_sections.verdict import cautions, headline, purpose
from al_core.report.markdown import markdown
from al_core.report.numbers import counted, hours, number
from al_core.studies.growth_index import Round, load_growth


def growth_card(folder: Path) -> str:
    """Return the card of a growth that has ended, as Markdown.

    Raises:
        ConfigError: the folder holds no growth.
    """
    view = GrowthOverview(load_growth(folder), Path(folder))
    assert view.last is not None  # a committee is written when the last round ends
    source = view.results.provenance.get("source", {})
    record = view.test_errors.get(view.last.number)
    return markdown(
        "growth_card",
        name=view.results.name,
        headline=headline(view),
        material=view.material,
        members=view.results.config["committee"],
        purpose=purpose(view),
        labels=counted(view.last.labels, "label"),
        drawn=view.last.calibration.structures,
        paid=hours(view.results.ledger["label_core_seconds"]),
        labeler=list(_plain(view.results.provenance.get("labeler", {}))),
        start=f"`{view.results.config['arm']['kind']}`, from {_source(source)}",
        reason=view.results.reason,
        expected=number(1e3 * view.last.expected),
        wanted=f"{view.wanted:g}",
        errors=_errors(view, record.metrics) if record else {},
        dynamics=list(_dynamics(view, view.last)),
        cautions=cautions(view),
    )


def _source(source: Mapping[str, Any]) -> str:
    return f"the committee `{source.get('folder', '')}` (content hash `{source.get('hash', '')}`)"


def _plain(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the settings that are one value each; the page has the others."""
    yield from (f"{key} {value}" for key, value in settings.items() if not isinstance(value, dict | list | None))


def _errors(view: GrowthOverview, metrics: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """Return the errors by slice; a slice outside the purpose says so in its name."""
    return {name + (" (outside the purpose)" if view.outside(name) else ""): one for name, one in metrics.items()}


def _dynamics(view: GrowthOverview, last: Round) -> Iterator[str]:
    for walk in view.walks(last):
        bath = f"{walk['ensemble'].upper()} at {float(walk['temperature_K']):g} K"
        yield f"{bath}: {float(walk['time_ps']):.3g} ps, {walk['failure'] or 'stable to the end'}"
