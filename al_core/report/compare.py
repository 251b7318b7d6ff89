"""Several studies in one report. What cannot be compared is refused: other test sets, labelers or reference values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from al_core.errors import ConfigError
from al_core.evaluation.measured import Property
from al_core.report.figures import figure_html, plotly_script
from al_core.report.headline import headline
from al_core.report.numbers import counted, spread_note
from al_core.report.overview import FORCE_MAE, Overview, overview
from al_core.report.page import Section, fragment, page_html
from al_core.report.properties import at, budgets_of, parts_with, references, rows_of
from al_core.report.sections.learning import QUANTITIES, learning_figure
from al_core.report.sections.properties import property_table
from al_core.report.sections.provenance import flat
from al_core.report.styles import arm_styles
from al_core.report.tables import Group, Table, budget_table, saved_table
from al_core.report.tiles import tiles
from al_core.storage.files import write_text
from al_core.studies.curves import Curve
from al_core.studies.results import PropertyRow, StudyResults, load_results

_MOST_NAMED = 5  # differences in an error message


def write_comparison(folders: Sequence[Path], out: Path) -> Path:
    """Write the report of several studies, atomically, and return its path.

    Args:
        folders: of the studies, two or more.
        out: the HTML file.

    Raises:
        ConfigError: a folder holds no study, or the studies cannot be compared; the message names the difference.
    """
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise ConfigError(f"got {counted(len(folders), 'folder')}, expected two or more, each once")
    loaded = {folder: load_results(folder) for folder in folders}
    names = [results.name for results in loaded.values()]
    studies = {
        results.name if names.count(results.name) == 1 else f"{results.name} ({folder})": results
        for folder, results in loaded.items()
    }
    write_text(out, render_comparison(studies))
    return out


def render_comparison(studies: Mapping[str, StudyResults]) -> str:
    """Return the report of several studies, by name, as one self-contained HTML page.

    Raises:
        ConfigError: they cannot be compared.
    """
    check_comparable(studies)
    views = {name: overview(results) for name, results in studies.items()}
    budgets = tuple(sorted({budget for view in views.values() for budget in view.budgets}))
    views = {name: replace(view, budgets=budgets) for name, view in views.items()}
    title = f"Comparison of {counted(len(views), 'study').replace('studys', 'studies')}"
    header = fragment(
        "comparison/header",
        title=title,
        studies=[(name, headline(view.results), tiles(view)) for name, view in views.items()],
    )
    sections = [_curves(views), _saved(views), _properties(views), _differences(studies)]
    return page_html(title, header, sections, plotly_script())


def check_comparable(studies: Mapping[str, StudyResults]) -> None:
    """Refuse studies that were measured against different things.

    Raises:
        ConfigError: test sets, labelers or reference values differ; the message names the difference.
    """
    (first, known), *others = studies.items()
    for name, results in others:
        for what in ("test set", "labeler"):
            got, expected = (dict(flat(one.provenance.get(what, {}))) for one in (results, known))
            _refuse(name, first, what, got, expected)
        got, expected = _reference_values(results), _reference_values(known)
        common = set(got) & set(expected)
        both = [{key: value for key, value in one.items() if key in common} for one in (got, expected)]
        _refuse(name, first, "reference", *both)


def _refuse(name: str, first: str, what: str, got: Mapping[str, str], expected: Mapping[str, str]) -> None:
    different = [key for key in dict.fromkeys([*got, *expected]) if got.get(key) != expected.get(key)]
    if not different:
        return
    missing = "not there"
    named = [f"{key or what} {got.get(key, missing)}, expected {expected.get(key, missing)}" for key in different]
    more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    raise ConfigError(
        f"{name} has another {what} than {first}: {'; '.join(named[:_MOST_NAMED])}{more}; "
        "compare studies of the same test set, labeler and reference values only"
    )


def _reference_values(results: StudyResults) -> dict[str, str]:
    def text(one: Property) -> str:
        return f"{one.value!r} {one.unit}".strip()

    return {name: text(one) for measured in results.references.values() for name, one in measured.properties.items()}


def _series(views: Mapping[str, Overview], metric: str) -> Iterator[tuple[str, Curve]]:
    """Yield (arm, curve) of the first comparison and acquisition of every study; a curve bears the study's name."""
    parts = {name: view.finished_parts()[0] for name, view in views.items() if view.finished_parts()}
    alike = len({part.title for part in parts.values()}) == 1
    for name, part in parts.items():
        for curve in views[name].curves(part, metric):
            yield curve.arm, replace(curve, arm=name if alike else f"{name}, {part.title}")


def _curves(views: Mapping[str, Overview]) -> Section | None:
    force = list(_series(views, FORCE_MAE))
    if not force:
        return None
    arms, series = dict.fromkeys(arm for arm, _ in force), list(dict.fromkeys(curve.arm for _, curve in force))
    columns = {
        arm: {one.metric: [curve for owner, curve in _series(views, one.metric) if owner == arm] for one in QUANTITIES}
        for arm in arms
    }
    budgets = next(iter(views.values())).budgets
    figure = learning_figure(columns, budgets, arm_styles(series, ""))
    text = "Learning curves: errors against the number of labels, a panel for each arm, a line for each study."
    tables = [(one, _budgets(views, one.metric)) for one in QUANTITIES]
    html = fragment(
        "comparison/curves",
        figure=figure_html(figure, "learning-curves", text),
        tables=[(one, table) for one, table in tables if table.groups],
        spread=spread_note(point for view in views.values() for point in view.points),
    )
    return Section("learning", "Learning curves", html)


def _named(name: str, table: Table) -> list[Group]:
    return [replace(group, title=f"{name}, {group.title}") for group in table.groups]


def _budgets(views: Mapping[str, Overview], metric: str) -> Table:
    tables = {name: budget_table(view, metric) for name, view in views.items()}
    first = next(iter(tables.values()))
    return replace(first, groups=tuple(group for name, table in tables.items() for group in _named(name, table)))


def _saved(views: Mapping[str, Overview]) -> Section | None:
    tables = {name: saved_table(view, FORCE_MAE) for name, view in views.items()}
    groups = tuple(group for name, table in tables.items() for group in _named(name, table))
    if not groups:
        return None
    table = replace(next(iter(tables.values())), groups=groups)
    baselines = " or ".join(dict.fromkeys(view.baseline for view in views.values()))
    return Section("saved", "Labels saved", fragment("sections/saved", table=table, baseline=baselines))


def _properties(views: Mapping[str, Overview]) -> Section | None:
    """Return the properties of all arms of all studies at their largest budget, of the first part that has some."""
    columns: dict[str, list[PropertyRow]] = {}
    expected: dict[str, float] = {}
    for name, view in views.items():
        expected |= references(view)
        rows = [row for part in parts_with(view)[:1] for row in rows_of(view, part)]
        for arm in view.arms:
            budget = max(budgets_of(rows, arm), default=0)
            if budget:
                columns[f"{name}, {arm}, {counted(budget, 'label')}"] = at(rows, arm, budget)
    if not columns:
        return None
    html = fragment("comparison/properties", table=property_table(columns, expected), has_references=bool(expected))
    return Section("properties", "Properties", html)


def _differences(studies: Mapping[str, StudyResults]) -> Section | None:
    """Return the settings and the provenance in which the studies differ."""

    def plain(results: StudyResults) -> dict[str, Any]:
        return {"config": results.config, "provenance": results.provenance}

    values = {name: dict(flat(plain(results))) for name, results in studies.items()}
    keys = dict.fromkeys(key for one in values.values() for key in one)
    rows = [
        (key, [one.get(key, "–") for one in values.values()])
        for key in keys
        if len({one.get(key) for one in values.values()}) > 1
    ]
    if not rows:
        return None
    return Section("differences", "What differs", fragment("comparison/differences", names=list(values), rows=rows))
