"""``graft label`` by a code that ASE runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import read, write

pytest.importorskip("tblite")


@pytest.mark.slow
def test_the_structures_of_a_file_are_labelled_by_a_code_of_ase(tmp_path: Path) -> None:
    crystals = [bulk("Ge", "diamond", a=a, cubic=True) for a in (5.6, 5.7)]
    write(tmp_path / "two.xyz", crystals, format="extxyz")
    method = "parameters={method: GFN1-xTB, electronic_temperature: 2000}"
    for command in (
        ["label", "two.xyz", "--labeler", "ase", "--set", "calculator=tblite", "--set", method, "--out", "out"],
        ["labels", "export", "out", "--out", "labelled.extxyz"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    near, far = read(tmp_path / "labelled.extxyz", ":")
    assert near.info["REF_energy"] != far.info["REF_energy"]
