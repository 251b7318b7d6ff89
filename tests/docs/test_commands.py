"""The page of all commands is that of the command line, and a shell completes them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GRAFT = Path(sys.executable).with_name("graft")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
MAKE = ("-m", "typer", "flows.cli", "utils", "docs", "--name", "graft", "--title", "Commands")


def _run(*command: Any, **environment: str) -> str:
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == _run(sys.executable, *MAKE), f"run: python {' '.join(MAKE)} > docs/commands.md"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("graft st", ["study"]),
        ("graft study ", ["run", "plan", "transferability", "status", "report", "compare"]),
        ("graft schema ", ["study", "grow", "pretrain", "convergence"]),
        ("graft study run --si", ["--site"]),
    ],
)
def test_a_shell_completes_commands_and_options(typed: str, completed: list[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    assert _run(GRAFT, _GRAFT_COMPLETE="complete_bash", **words).split() == completed


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_line_for_each_command(shell: str) -> None:
    asked = {"_TYPER_COMPLETE_ARGS": "graft labels ", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    lines = _run(GRAFT, _GRAFT_COMPLETE=f"complete_{shell}", **asked).splitlines()
    assert [re.findall(r"\w+", line.removeprefix("_arguments"))[0] for line in lines] == ["list", "export", "release"]
