"""``graft study compare``, and opening a report in the browser."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from al_core.errors import ConfigError
from al_core.storage.files import write_json
from flows.cli import app

RUN = CliRunner()


def study(folder: Path, name: str, test_set: str) -> str:
    """Return the folder of a study of one cell, written by an earlier version."""
    cell = {
        "metrics": {"all": {"force_mae_meV_per_A": 71.25}},
        "members_force_mae_meV_per_A": [80.0],
        "labels": [],
        "core_seconds": 1.0,
    }
    write_json(folder / "cells" / "k.json", cell)
    place = {"comparison": "shared", "arm": "scratch", "acquisition": "random", "seed": 0, "budget": 4, "cell": "k"}
    provenance = {"test set": {"sha256": test_set}}
    parts = {"name": name, "config": {}, "provenance": provenance, "grid": [place], "expected_rows": 1, "ledger": {}}
    write_json(folder / "study.json", parts)
    return str(folder)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which a browser writes what it opens."""
    browser, found = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!{sys.executable}\nimport sys\nopen("{found}", "w").write(sys.argv[1])\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)  # which is made from the environment when it is first needed
    return found


def test_two_studies_become_one_report(tmp_path: Path, opened: Path) -> None:
    out = tmp_path / "both.html"
    folders = [study(tmp_path / name, name, "ab") for name in ("first", "second")]
    done = RUN.invoke(app, ["study", "compare", *folders, "--out", str(out), "--open"], catch_exceptions=False)
    assert done.output.strip() == str(out)
    assert "first" in out.read_text()
    assert "second" in out.read_text()
    assert opened.read_text() == out.as_uri()


def test_other_test_sets_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folders = [study(tmp_path / name, name, name) for name in ("first", "second")]
    out = tmp_path / "both.html"
    with pytest.raises(ConfigError, match="second has another test set than first: sha256 second, expected first"):
        RUN.invoke(app, ["study", "compare", *folders, "--out", str(out)], catch_exceptions=False)
    assert not out.exists()


def test_a_report_is_opened_only_if_it_is_asked_for(tmp_path: Path, opened: Path) -> None:
    folder = study(tmp_path / "one", "one", "ab")
    RUN.invoke(app, ["study", "report", folder], catch_exceptions=False)
    assert not opened.exists()
    RUN.invoke(app, ["study", "report", folder, "--open"], catch_exceptions=False)
    assert opened.read_text() == (tmp_path / "one" / "report.html").as_uri()
