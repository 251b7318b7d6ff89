"""A place of the results that cannot be written or holds something else, and a device that is not there."""

import contextlib
import re
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
from ase.db import connect

import flows.preflight
from al_core.labels.store import LabelStore
from al_core.studies.workspace import Workspace
from tests.bad_input.inputs import Refused, bundles, file_of, germanium, labelled


def _study_with_store(refused: Refused) -> str:
    return refused("study", "run", "small.yaml", "--out", "out")


def _label_with_store(refused: Refused) -> str:
    file_of("some.extxyz", germanium(0))
    return refused("label", "some.extxyz", "--labeler", "stillinger_weber", "--out", "out")


WRITERS = pytest.mark.parametrize("writer", [_study_with_store, _label_with_store])


@WRITERS
def test_a_store_of_another_version_is_refused(refused: Refused, writer: Callable[[Refused], str]) -> None:
    LabelStore(Path("out/labels.db"))
    with connect("out/labels.db", type="db") as db:
        db.metadata = {"graft_store_version": 99}
    message = writer(refused)
    assert "labels.db has version 99, this Graft reads version 1; choose another --out" in message


@WRITERS
def test_a_store_that_is_not_a_data_base_is_refused(refused: Refused, writer: Callable[[Refused], str]) -> None:
    Path("out").mkdir()
    Path("out/labels.db").write_text("my notes " * 100)
    message = writer(refused)
    assert "labels.db: file is not a database" in message


@WRITERS
def test_a_data_base_of_another_program_is_refused(refused: Refused, writer: Callable[[Refused], str]) -> None:
    Path("out").mkdir()
    with sqlite3.connect("out/labels.db") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    assert "labels.db is a data base of another program (tables: recipes)" in writer(refused)


URLS = {
    "another server's": ("mysql://me@host/labels", "store: expected postgresql://user@host/name.*got 'mysql:"),
    "a path": ("labels.db", "store: expected postgresql://user@host/name.*got 'labels.db'"),
    "with the password": ("postgresql://me:secret@host/labels", r"store: .*leave the password out.*~/\.pgpass"),
    "nobody there": (
        "postgresql://me@127.0.0.1:1/labels",
        r"label store postgresql://me@127\.0\.0\.1:1/labels: .*refused",
    ),
}


@pytest.mark.parametrize("name", URLS)
def test_a_server_that_cannot_be_used_is_refused(refused: Refused, name: str) -> None:
    url, expected = URLS[name]
    file_of("some.extxyz", germanium(0))
    for command in (
        ["study", "run", "small.yaml", "--out", "out", "--set", f"store={url}"],
        ["label", "some.extxyz", "--labeler", "stillinger_weber", "--out", "out", "--store", url],
    ):
        message = refused(*command)
        assert re.search(expected, message), message
        assert "secret" not in message


def test_a_data_base_of_another_program_on_a_server_is_refused(refused: Refused, postgres: str) -> None:
    with contextlib.closing(psycopg2.connect(postgres)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE recipes (name TEXT)")
    message = refused("study", "run", "small.yaml", "--out", "out", "--set", f"store={postgres}")
    assert "is a data base of another program (tables: recipes); choose another data base" in message


def test_an_ase_data_base_that_is_not_a_label_store_is_refused(refused: Refused, workdir: Path) -> None:
    Path("out").mkdir()
    with connect("out/labels.db", type="db") as db:
        db.write(germanium(0))
    Path("out/labels.db.lock").touch()
    assert "labels.db is an ASE data base, but not a label store of Graft" in _study_with_store(refused)


UNWRITABLE = {
    "a file": ("pool.extxyz", "is a file, not a folder"),
    "below a file": ("pool.extxyz/runs/1", "is a file, not a folder"),
    "below a device": ("/dev/null/x", "/dev/null is a file, not a folder"),
    "read-only": ("/proc/graft/x", r"cannot write in /proc \(.+\); choose another --out"),
}


@pytest.mark.parametrize("place", UNWRITABLE)
@pytest.mark.parametrize("command", ["study", "plan", "label", "pretrain"])
def test_a_place_that_cannot_be_written_is_refused(refused: Refused, command: str, place: str) -> None:
    file_of("pool.extxyz", germanium(0))
    slices = "[{name: a, count: 4, temperature_K: 300}]"
    Path("source.yaml").write_text(
        f"element: Si\nlabeler: stillinger_weber\nstructures: {{kind: md, slices: {slices}}}\n"
    )
    out, expected = UNWRITABLE[place]
    start = {
        "study": ["study", "run", "small.yaml"],
        "plan": ["study", "plan", "small.yaml"],
        "label": ["label", "pool.extxyz", "--labeler", "stillinger_weber"],
        "pretrain": ["pretrain", "source.yaml"],
    }[command]
    message = refused(*start, "--out", out)
    assert re.search(f"error: --out .*{Path(out).name}: .*{expected}", message)
    assert not Path(out).exists() or place == "a file"


@pytest.mark.parametrize(("out", "expected"), [("/proc/x.model", "cannot write in /proc"), (".", "is a folder")])
def test_exporting_to_where_nothing_can_be_written_is_refused(refused: Refused, out: str, expected: str) -> None:
    bundles("models", "Ge")
    assert expected in refused("export", "--bundle", "models/member-0", "--out", out)


def test_exporting_into_a_file_that_is_there_is_refused(refused: Refused) -> None:
    bundles("models", "Ge")
    Path("mine.model").write_text("another model")
    assert "mine.model: is there already" in refused("export", "--bundle", "models/member-0", "--out", "mine.model")
    assert Path("mine.model").read_text() == "another model"


@WRITERS
def test_a_full_disk_is_refused(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, writer: Callable[[Refused], str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(flows.preflight.shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**7, 10**7))
    message = writer(refused)
    assert re.search(r"--out .*out: the disk is full: 10 MB are free, \d+ MB are needed", message)


def test_a_device_that_is_not_there_is_refused(refused_study: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert "device: cuda:1 is not there (1 found); use auto or cpu" in refused_study("device='cuda:1'")


PRETRAINING = """
element: Si
structures: {kind: md, slices: [{name: bulk, count: 4, temperature_K: 300, steps: 5}]}
labeler: stillinger_weber
committee: 2
"""
CONVERGENCE = """
elements: [Ge]
structures: {kind: md, slices: [{name: bulk, count: 1, temperature_K: 300, steps: 5}]}
reference: {kind: gpaw}
base: {kind: gpaw}
vary: {cutoff_eV: [200]}
"""


@pytest.mark.parametrize(
    "command",
    [
        ("study", "run", "small.yaml"),
        ("label", "some.extxyz", "--labeler", "stillinger_weber"),
        ("label", "some.extxyz", "--labeler", "stillinger_weber", "--store", "postgresql://me@host/labels"),
        ("label", "--import", "labelled.extxyz", "--theory", "mine"),
        ("pretrain", "source.yaml"),
        ("convergence", "convergence.yaml"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_folder_of_a_running_study_is_refused_and_its_store_stays(
    refused: Refused, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.preflight, "LabelStore", lambda where: None)  # there is no such server
    file_of("some.extxyz", germanium(0))
    file_of("labelled.extxyz", labelled(0))
    Path("source.yaml").write_text(PRETRAINING)
    Path("convergence.yaml").write_text(CONVERGENCE)
    workspace = Workspace(Path("out"))
    with workspace.alone():
        message = refused(*command, "--out", "out")
        assert "error: a study is running in" in message
        assert message.endswith("; wait for its end or choose another --out\n")
        assert workspace.store == Path("out/labels.db")
