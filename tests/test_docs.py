"""The documents name files, links and registries that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "tests" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
CODE = re.compile(r"`((?:al_core|calculators|flows|tests|benchmarks|configs|docs)(?:/[\w.-]+)*(?:/|\.\w+)?)`")
NAMED = re.compile(r"`(\w+)`,? (?:in|\() ?`([\w/]+\.py)`")
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_the_files_a_page_names_exist(page: Path) -> None:
    names = [name for name in CODE.findall(page.read_text()) if "/" in name]
    assert [name for name in names if not ((ROOT / name).exists() or (page.parent / name).exists())] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_the_pages_a_page_links_to_exist(page: Path) -> None:
    links = [link for link, _ in LINK.findall(page.read_text()) if not link.startswith("http")]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_what_a_page_says_is_in_a_module_is(page: Path) -> None:
    named = [(name, file) for name, file in NAMED.findall(page.read_text()) if (ROOT / file).exists()]
    assert [
        f"{name} in {file}" for name, file in named if not re.search(rf"\b{name}\b", (ROOT / file).read_text())
    ] == []


def test_that_the_names_of_the_architecture_page_are_seen() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert len(CODE.findall(text)) > 40
    assert ("METHODS", "al_core/evaluation/properties.py") in NAMED.findall(text)
    assert ("load_config", "al_core/config/reading.py") in NAMED.findall(text)
