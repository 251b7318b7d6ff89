"""Run Graft in this process, in a folder where no work can start, and assert that it refuses or does not."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import flows
import flows.cli
from tests.bad_input.inputs import STUDY, Refused


class StartedError(AssertionError):
    """The work began: what was asked for was found good."""


def _start(*arguments: object, **named: object) -> None:
    raise StartedError


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a good config in it, in which no flow can start."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(STUDY)
    for flow in ("data_budget_study", "label_structures", "pretrain"):
        monkeypatch.setattr(flows, flow, _start, raising=False)
    return tmp_path


@pytest.fixture
def good_study(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a small study with ``--set`` changes and assert that it is found good: its work begins."""

    def run(*changes: str) -> None:
        monkeypatch.setattr(sys, "argv", ["graft", *_study(changes)])
        with pytest.raises(StartedError):
            flows.cli.main()

    return run


@pytest.fixture
def refused(workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run ``graft`` in this process, assert that it refuses as it should, and return the message."""

    def run(*arguments: object) -> str:
        before = _contents(workdir)
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["graft", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            flows.cli.main()
        out, err = capsys.readouterr()
        assert stopped.value.code == 2
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("error: ") == 1
        assert "Traceback" not in err
        assert _contents(workdir) == before, "something was written"
        return err

    return run


@pytest.fixture
def refused_study(refused: Refused) -> Refused:
    """Run a small study with ``--set`` changes and assert that it is refused."""
    return lambda *changes: refused(*_study(changes))


def _study(changes: tuple[str, ...]) -> list[str]:
    return ["study", "run", "small.yaml", "--out", "out", *(part for change in changes for part in ("--set", change))]


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
