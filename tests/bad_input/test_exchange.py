"""Imports and exports that cannot be done are refused before anything is written."""

from pathlib import Path

import pytest

from tests.bad_input.inputs import Refused, file_of, germanium

IMPORTS = {
    "nothing to do": ([], "expected either a FILE of structures to label, or labels to --import"),
    "two sites": (["some.extxyz", "--workers", "2", "--site", "site.yaml"], "--workers and --site exclude each other"),
    "both": (["some.extxyz", "--import", "some.extxyz"], "expected either a FILE"),
    "no theory": (["--import", "some.extxyz"], "--import needs --theory NAME"),
    "no file": (["--import", "gone.extxyz", "--theory", "PBE"], "gone.extxyz: no such file"),
    "no labels": (["--import", "some.extxyz", "--theory", "PBE"], "structure 0 has no energy under 'REF_energy'"),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_that_cannot_be_done_is_refused(refused: Refused, name: str) -> None:
    arguments, expected = IMPORTS[name]
    file_of("some.extxyz", germanium(0))
    assert expected in refused("label", *arguments, "--out", "out")


def test_a_store_that_is_not_there_is_refused(refused: Refused) -> None:
    Path("empty").mkdir()
    for command in (["list", "empty"], ["export", "gone", "--out", "x.extxyz"]):
        assert "expected a folder with a label store" in refused("labels", *command)
