"""Markdown pages from the templates beside this file."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=False,  # noqa: S701  Markdown
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def markdown(template: str, **values: object) -> str:
    """Return the template ``TEMPLATE.md.j2`` with values filled in."""
    return _ENVIRONMENT.get_template(f"{template}.md.j2").render(values)
