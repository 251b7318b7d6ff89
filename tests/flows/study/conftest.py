"""The smoke study, run once a session."""

import re
import shutil
from pathlib import Path

import pytest

from al_core.studies.results import StudyResults, load_results
from tests.flows.study.smoke import GRAFT, SMOKE, Shell


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for Prefect; making its data base takes longer than most of what is done here."""
    return tmp_path_factory.mktemp("prefect-home")


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    """A shell in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder, home)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """The folder of a finished smoke study. Tests read it or work on a copy."""
    folder = tmp_path_factory.mktemp("smoke")
    done = Shell(folder, home).run(GRAFT, "study", "run", SMOKE, "--out", folder / "out")
    assert re.search(r"smoke: 36 of 36 cells, \d+ labels, best force MAE \d+ meV/Å .*\n", done.stdout)
    (models,) = re.findall(r"its models: (.*)\n", done.stdout)
    assert (Path(models) / "member-0" / "model.json").exists()
    assert f"report: {folder / 'out' / 'report.html'}" in done.stdout
    assert "source training steps: 200 of 200\n" in done.stderr
    return folder / "out"


@pytest.fixture(scope="session")
def results(finished: Path) -> StudyResults:
    return load_results(finished)


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study; modification times are kept."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"
