"""``graft label``: by a code that ASE runs, and what it tells."""

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


def test_structures_without_a_label_are_told(tmp_path: Path) -> None:
    known = bulk("Ge", cubic=True, a=5.7)
    other = known.copy()
    other.rattle(0.05, seed=1)
    write(tmp_path / "one.extxyz", known)
    write(tmp_path / "two.extxyz", [known, other])

    def graft(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "flows.cli", "label", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert graft("one.extxyz", "--labeler", "stillinger_weber", "--out", "sw").returncode == 0
    assert graft("--import", "sw/labelled.extxyz", "--theory", "SW", "--out", "out").returncode == 0
    done = graft("two.extxyz", "--labeler", "imported", "--set", "theory=SW", "--out", "out")
    assert done.returncode == 1
    assert "failed: 1 of 2 structures have no label, the first: no label of structure" in done.stderr
    assert len(read(tmp_path / "out" / "labelled.extxyz", ":")) == 1
    for arguments, message in [
        (("--import", "sw/labelled.extxyz"), "--import needs --theory NAME"),
        (("one.extxyz", "--theory", "SW"), "--theory names the level of labels to --import"),
        (("--import", "sw/labelled.extxyz", "--theory", "SW", "--workers", "2"), "--import computes nothing"),
    ]:
        refused = graft(*arguments)
        assert refused.returncode == 2
        assert message in refused.stderr
