"""Where the results come from, and how to get them again."""

from collections.abc import Iterator
from typing import Any

import yaml

from al_core.report.overview import Overview
from al_core.report.page import Section, fragment


def provenance_section(view: Overview) -> Section | None:
    """Return versions, machine, hashes and the labeler's settings."""
    if not view.results.provenance:
        return None
    values = list(flat(view.results.provenance))
    return Section("provenance", "Provenance", fragment("sections/provenance", values=values))


def reproduce_section(view: Overview) -> Section | None:
    """Return the config and the commands that give the same study."""
    if not view.results.config:
        return None
    html = fragment(
        "sections/reproduce",
        name=view.results.name,
        version=view.results.provenance.get("versions", {}).get("graft-mlip", ""),
        config=yaml.safe_dump(view.results.config, sort_keys=False, allow_unicode=True),
    )
    return Section("reproduce", "How to reproduce", html)


def flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every plain value of nested dictionaries; lists of plain values are one text."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from flat(child, (*path, str(key)))
    elif isinstance(value, list | tuple) and any(isinstance(child, dict) for child in value):
        for i, child in enumerate(value):
            yield from flat(child, (*path, str(i + 1)))
    elif isinstance(value, list | tuple):
        yield " › ".join(path), ", ".join(map(str, value))
    else:
        yield " › ".join(path), "–" if value is None or value == {} else str(value)
