"""The documents as a site: built without a network, every link leads somewhere, equations are equations."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FROM_README = re.compile(r"\]\(docs/([^)#]+)\.md(#[^)]+)\)")


class _Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif "src" in found or (tag == "link" and "href" in found):
            self.loaded.append(found.get("src") or found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from a copy."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(DOCS, folder / "docs")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    out = subprocess.PIPE
    done = subprocess.run(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_page_is_built_and_in_the_navigation(site: Path) -> None:
    def named(part: object) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        else:
            for one in part.values() if isinstance(part, dict) else part:
                yield from named(one)

    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert sorted(named(settings["nav"])) == sorted(written)
    assert {name for name in written if not _built(site, name).is_file()} == set()


def _built(site: Path, page: str) -> Path:
    return site / re.sub(r"README\.md$", "index.md", page).replace(".md", ".html")


def test_every_link_within_the_site_leads_somewhere(pages: dict[Path, _Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in {*page.links, *page.loaded}:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchored = target in pages and parts.fragment and parts.fragment not in pages[target].anchors
            if not target.exists() or anchored:
                lost.append(f"{path.name}: {link}")
    assert len(pages) > 20
    assert lost == []


def test_the_readme_links_to_headings_that_there_are(site: Path) -> None:
    links = FROM_README.findall((ROOT / "README.md").read_text())
    assert [link for link in links if link[1][1:] not in _Page(_built(site, f"{link[0]}.md")).anchors] == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, _Page]) -> None:
    elsewhere = {link for page in pages.values() for link in page.loaded if urlsplit(link).netloc}
    assert elsewhere == set()


def test_equations_are_drawn_by_the_browser_alone(site: Path) -> None:
    text = (site / "science.html").read_text()
    assert text.count('display="block"') > 8
    assert re.findall(r"<m\w[^>]*>\\|\$\$", text) == [], "a command of TeX that was not understood"
