"""``graft labels release``: what is being computed is listed, and freed after asking."""

import os
from pathlib import Path

import pytest
from ase import Atoms
from typer.testing import CliRunner

from al_core.errors import ConfigError
from al_core.labels.store import LabelStore
from flows.cli import app


def _release(*arguments: str, answer: str = "") -> str:
    result = CliRunner().invoke(app, ["labels", "release", *arguments], input=answer)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture
def running(store: LabelStore, atoms: Atoms) -> LabelStore:
    """A store with two labels that are being computed."""
    for key in ("Lone", "Ltwo"):
        store.claim(key, atoms, "sw")
    return store


def _states(store: LabelStore) -> dict[str, str]:
    return {entry.key: entry.state for entry in store.entries()}


def test_running_labels_are_listed_with_their_owners(running: LabelStore, tmp_path: Path) -> None:
    output = _release(str(tmp_path), answer="n\n")
    for key in ("Lone", "Ltwo"):
        assert f"{key}  " in output
    assert output.count(f"process {os.getpid()} on ") == 2
    assert output.count("; computing") == 2


def test_nothing_is_freed_without_a_yes(running: LabelStore) -> None:
    for answer in ("n\n", ""):
        assert "Free 2 labels?" in _release(str(running.where), answer=answer)
        assert _states(running) == {"Lone": "running", "Ltwo": "running"}


def test_one_label_is_freed(running: LabelStore) -> None:
    assert "1 labels are free" in _release(str(running.where), "Lone", answer="y\n")
    assert _states(running) == {"Lone": "failed", "Ltwo": "running"}


def test_all_are_freed_without_asking(running: LabelStore) -> None:
    assert "Free" not in _release(str(running.where), "--yes")
    assert _states(running) == {"Lone": "failed", "Ltwo": "failed"}
    assert "no label is being computed" in _release(str(running.where))


def test_a_key_that_is_not_running_is_refused(running: LabelStore) -> None:
    with pytest.raises(ConfigError, match="label Lthree is not being computed"):
        _release(str(running.where), "Lthree", "--yes")
