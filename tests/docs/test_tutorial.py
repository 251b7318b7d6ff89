"""The tutorial does what it says: its blocks are run in order in one empty folder, and print what stands below them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(\.\d+)?")
_NEAR = 0.25  # rounding on another processor leads a training elsewhere


def _like(said: str, printed: str) -> bool:
    """Return whether a line is as the page says: ``...`` stands for any words, a number for one that is near."""
    words, got = said.split(), printed.split()
    if "..." in words:
        cut = words.index("...")
        rest = words[cut + 1 :]
        if len(got) < cut + len(rest):
            return False
        return _alike(words[:cut], got[:cut]) and _alike(rest, got[len(got) - len(rest) :])
    return _alike(words, got)


def _alike(words: list[str], got: list[str]) -> bool:
    return len(words) == len(got) and all(map(_same, words, got))


def _same(word: str, got: str) -> bool:
    if NUMBER.fullmatch(word) and NUMBER.fullmatch(got):
        return abs(float(got) - float(word)) <= _NEAR * abs(float(word))
    return word == got


@pytest.mark.parametrize(
    ("said", "printed", "alike"),
    [
        ("ge: 9 labels, ... s", "ge: 9 labels, best of all, 12 s", True),
        ("│ scratch │ 200 │", "│   scratch │  189 │", True),
        ("│ scratch │ 200 │", "│ scratch │ 140 │", False),
        ("rescaled 4", "transfer 4", False),
        ("64 atoms, ... K", "64 atoms", False),
    ],
)
def test_how_lines_are_compared(said: str, printed: str, alike: bool) -> None:
    assert _like(said, printed) == alike


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.timeout(1800)
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment |= {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    printed, compared = "", 0
    for kind, text in BLOCK.findall(PAGE.read_text()):
        if kind == "text":
            lines = printed.splitlines()
            missing = [line for line in text.splitlines() if not any(_like(line, one) for one in lines)]
            assert missing == [], printed
            compared += 1
            continue
        assert kind in ("console", "python"), kind
        command = ["bash", "-ec", text] if kind == "console" else [sys.executable, "-c", text]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        printed = done.stdout
    assert compared > 5
    assert (folder / "runs" / "ge" / "report.html").exists()
