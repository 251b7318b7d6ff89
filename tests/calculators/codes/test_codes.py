"""Other codes by ASE: two real ones, and a program that fails in every way."""

import contextlib
import os
import shutil
import stat
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from pydantic import ValidationError

from al_core.config.codes import CODES, ASELabeler
from al_core.errors import LabelError
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from calculators.base import make_labeler
from calculators.codes.calculator import tables, version
from tests.calculators.cases import crystal, moved

PSEUDO = Path("/usr/share/espresso/pseudo")  # where Debian puts them
GE = "Ge.pbe-kjpaw.UPF"
ESPRESSO: dict[str, Any] = {
    "calculator": "espresso",
    "folders": {"pseudo_dir": PSEUDO},
    "parameters": {
        "pseudopotentials": {"Ge": GE},
        "kpts": [2, 2, 2],
        "input_data": {
            "system": {"ecutwfc": 20, "ecutrho": 80, "occupations": "smearing", "degauss": 0.01},
            "electrons": {"conv_thr": 1e-9},
        },
    },
}
XTB = ASELabeler(calculator="tblite", parameters={"method": "GFN1-xTB", "electronic_temperature": 2000})

needs_espresso = pytest.mark.skipif(
    not (shutil.which("pw.x") and (PSEUDO / GE).is_file()), reason="needs Debian's quantum-espresso"
)


@needs_espresso
@pytest.mark.dft
def test_a_label_of_quantum_espresso_is_in_the_store_with_its_own_level_of_theory(tmp_path: Path) -> None:
    store, atoms = LabelStore(tmp_path / "labels.db"), crystal("Ge", 0)
    labeler = make_labeler(ASELabeler(**ESPRESSO))
    labeler.preflight({"Ge"})
    label = obtain_label(store, labeler, atoms, tmp_path / "labels").entry.label
    assert (label.forces.shape, label.stress.shape) == ((2, 3), (6,))
    assert label.core_seconds > 0.5, "that of the program, which is another process"
    identity = label.provenance["labeler"]
    assert identity["version"].startswith(("6.", "7."))
    assert identity["parameters"]["pseudopotentials"]["Ge"].startswith(f"{GE} sha256:")
    step = 0.01
    up, down = (labeler.label(moved(atoms, 1, 2, sign * step), tmp_path / f"{sign}").energy for sign in (1, -1))
    assert label.forces[1, 2] == pytest.approx(-(up - down) / (2 * step), abs=0.02)


@needs_espresso
@pytest.mark.dft
def test_what_did_not_reach_self_consistency_is_no_label(tmp_path: Path) -> None:
    parameters = {**ESPRESSO["parameters"], "input_data": {"electrons": {"electron_maxstep": 2}}}
    parameters["input_data"]["system"] = ESPRESSO["parameters"]["input_data"]["system"]
    labeler = make_labeler(ASELabeler(**{**ESPRESSO, "parameters": parameters}))
    with pytest.raises(LabelError, match=r"^espresso: .*output in ") as failure:
        labeler.label(crystal("Ge", 0), tmp_path / "label")
    assert not failure.value.transient


def test_a_label_of_xtb(tmp_path: Path) -> None:
    labeler, atoms, step = make_labeler(XTB), crystal("Ge"), 0.005
    label = labeler.label(atoms, tmp_path / "label")
    up, down = (labeler.label(moved(atoms, 5, 2, sign * step), tmp_path / f"{sign}").energy for sign in (1, -1))
    assert label.forces[5, 2] == pytest.approx(-(up - down) / (2 * step), abs=2e-3)
    assert label.stress is not None
    assert labeler.identity() != make_labeler(XTB.model_copy(update={"parameters": {"method": "GFN2-xTB"}})).identity()


# ---- a program that fails --------------------------------------------------------------------------------------------

FAKE = """#!{python}
import os, resource, subprocess, sys, time
if len(sys.argv) == 1:
    print("     Program PWSCF v.9.9 starts")
    sys.exit(1)
open("big.wfc", "wb").write(b"0" * 6_000_000)
os.makedirs("pwscf.save")
{what}
"""
FAILURES = {
    "ends with an error": ("sys.exit(3)", r"returned non-zero exit status 3", False),
    "writes nothing": ("pass", r"espresso: .*output in ", False),
    "writes something else": ("print('JOB DONE.')", r"espresso: .*output in ", False),
    "is killed": ("os.kill(os.getpid(), 9)", r"died with <Signals.SIGKILL: 9>", False),
    "hangs": ("time.sleep(1000)", r"took longer than timeout_s=5 s", True),
    "hangs in a process of its own": (
        "subprocess.Popen(['sleep', '1234.5']); time.sleep(1000)",
        r"took longer than timeout_s=5 s",
        True,
    ),
    "kills who started it": ("os.kill(os.getppid(), 9); time.sleep(1000)", r"process ended with code -9", True),
    "takes too much memory": ("x = b'1' * 2_000_000_000", r"returned non-zero exit status 1", False),
}


@pytest.fixture
def _pw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    program = tmp_path / "bin" / "pw.x"
    program.parent.mkdir()
    program.write_text(FAKE.format(python=sys.executable, what=FAILURES[request.param][0]))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    version.cache_clear()
    return program


@pytest.fixture
def fake() -> ASELabeler:
    return ASELabeler(**{**ESPRESSO, "folders": {}, "timeout_s": 60, "memory_limit_MB": 1500})


@pytest.mark.parametrize(("_pw", "how"), [(name, name) for name in FAILURES], indirect=["_pw"])
def test_a_program_that_fails_is_one_message(_pw: Path, how: str, fake: ASELabeler, tmp_path: Path) -> None:
    _, message, transient = FAILURES[how]
    limit = 5.0 if how.startswith("hangs") else fake.timeout_s
    settings = fake.model_copy(update={"folders": {"pseudo_dir": tmp_path}, "timeout_s": limit})
    with pytest.raises(LabelError, match=message) as failure:
        make_labeler(settings).label(bulk("Ge", a=5.6), tmp_path / "label")
    assert failure.value.transient is transient
    assert "\n" not in str(failure.value)
    time.sleep(0.2)
    assert _programs_in(tmp_path) == []
    if not transient:
        assert sorted(file.name for file in (tmp_path / "label").iterdir() if file.is_dir()) == []
        assert not (tmp_path / "label" / "big.wfc").exists(), "wave functions are not kept"


def _programs_in(folder: Path) -> list[bytes]:
    """Return the command lines of the programs that run in a folder, or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended since
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes())
    return found


@pytest.mark.parametrize("_pw", ["writes nothing"], indirect=True)
def test_the_version_and_the_content_of_a_pseudopotential_are_in_the_key(
    _pw: Path, fake: ASELabeler, tmp_path: Path
) -> None:
    (tmp_path / GE).write_text("one")
    labeler = make_labeler(fake.model_copy(update={"folders": {"pseudo_dir": tmp_path}}))
    first = labeler.identity()
    assert first["version"] == "9.9"
    (tmp_path / GE).write_text("another")
    assert labeler.identity() != first


@pytest.mark.parametrize(
    ("code", "folder", "file"),
    [
        ("aims", "default_species_directory", "32_Ge_default"),
        ("vasp", "VASP_PP_PATH", "potpaw_PBE/Ge/POTCAR"),
        ("siesta", "pseudo_path", "Ge.psml"),
    ],
)
def test_the_content_of_files_that_a_code_chooses_by_element_is_in_the_key(
    code: str, folder: str, file: str, tmp_path: Path
) -> None:
    found = []
    for name in ("light", "tight", "light again"):
        (tmp_path / name / file).parent.mkdir(parents=True)
        (tmp_path / name / file).write_text(name.split()[0])
        found.append(tables(ASELabeler(calculator=code, folders={folder: tmp_path / name})))
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("_pw", ["writes nothing"], indirect=True)
def test_what_a_machine_lacks_is_told_before_any_label(
    _pw: Path, fake: ASELabeler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(**changes: Any) -> str:
        with pytest.raises(LabelError) as failure:
            make_labeler(fake.model_copy(update=changes)).preflight({"Ge", "Si"})
        return str(failure.value)

    assert told() == "espresso: folders.pseudo_dir is missing: where the pseudopotentials are"
    there = {"folders": {"pseudo_dir": tmp_path}}
    assert told(**there) == f"espresso: no pseudopotential {GE} in {tmp_path}"
    (tmp_path / GE).touch()
    assert told(**there) == "espresso: parameters.pseudopotentials has none for Si; give its file's name"
    assert told(folders={"pseudo_dir": tmp_path / "no"}) == f"folders.pseudo_dir: no such folder: {tmp_path / 'no'}"
    monkeypatch.setenv("PATH", "/nowhere")
    version.cache_clear()
    assert told() == "espresso is not installed: its program pw.x is not on PATH"
    assert told(calculator="vasp") == "vasp is not installed: its program vasp_std is not on PATH"


REFUSED = {
    "unknown calculator 'espreso'; did you mean 'espresso'?": {"calculator": "espreso"},
    "program 'rm': expected pw.x": {"program": "rm"},
    "folders.PATH: espresso has pseudo_dir": {"folders": {"PATH": "/tmp"}},
    "processes: more than one need a program and a launcher": {"processes": 4},
    "launcher: got 'sh -c x'": {"launcher": "sh -c x"},
    "parameters.command: Graft sets it; leave it out": {"parameters": {"command": "rm -r /"}},
    "parameters.input_data.control.outdir: Graft sets it": {"parameters": {"input_data": {"control": {"outdir": "x"}}}},
    "parameters.pseudopotentials.Ge: got '../Ge.UPF', a path": {
        "parameters": {"pseudopotentials": {"Ge": "../Ge.UPF"}}
    },
    "parameters.x: got '/etc/passwd', a path": {"parameters": {"x": ["a", "/etc/passwd"]}},
    "parameters.x: got 'PP \"/tmp/a\"', a path": {"parameters": {"x": 'PP "/tmp/a"'}},
    "parameters.x: ProgExt runs another program": {"parameters": {"x": "%method ProgExt 'a.sh' end"}},
    "parameters.conv_thr: got '1e-9', which is text to YAML": {"parameters": {"conv_thr": "1e-9"}},
}


@pytest.mark.parametrize("message", REFUSED)
def test_settings_that_run_or_read_something_else_are_refused(message: str) -> None:
    with pytest.raises(ValidationError) as failure:
        ASELabeler.model_validate({"calculator": "espresso", **REFUSED[message]})
    told = "; ".join(
        ".".join([*map(str, one["loc"]), ""]).rstrip(".") + (": " if one["loc"] else "") + one["msg"]
        for one in failure.value.errors()
    )
    assert message in told


def test_a_cell_of_another_size_has_a_label_of_its_own(tmp_path: Path) -> None:
    labeler, store = make_labeler(XTB), LabelStore(tmp_path / "labels.db")
    cube = bulk("Ge", a=5.66, cubic=True)
    cells = (cube, cube * (1, 1, 2))
    small, large = (obtain_label(store, labeler, cell, tmp_path / "labels").entry.label for cell in cells)
    assert abs(small.energy / 8 - large.energy / 16) > 0.05, "one k-point, in eV an atom"


def test_k_points_that_do_not_follow_the_cell_are_told() -> None:
    sizes = [bulk("Ge", a=5.66), bulk("Ge", a=5.66, cubic=True)]
    assert make_labeler(XTB).notes(sizes) == [
        "tblite has one k-point: energies of cells below 8 atoms are off by eV an atom"
    ]
    assert make_labeler(XTB).notes(sizes[1:]) == []
    mesh = make_labeler(ASELabeler(calculator="espresso", parameters={"kpts": [4, 4, 4]}))
    assert mesh.notes(sizes)[0].startswith("parameters.kpts: [4, 4, 4] is one mesh for cells of several sizes")
    assert mesh.notes(sizes[1:]) == []


# program, and what of the environment would start another one
RUN = {
    "vasp": ("vasp_gam", "VASP_COMMAND"),
    "cp2k": ("cp2k_shell.ssmp", "ASE_CP2K_COMMAND"),
    "castep": ("castep.serial", "CASTEP_COMMAND"),
}


@pytest.mark.parametrize("code", RUN)
def test_a_code_is_started_by_the_program_of_its_settings(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, variable = RUN[code]
    for program in (name, "another"):
        file = tmp_path / "bin" / program
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{program}\nexit 3\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv(variable, "another")
    (tmp_path / "files" / "potpaw_PBE" / "Ge").mkdir(parents=True)
    (tmp_path / "files" / "potpaw_PBE" / "Ge" / "POTCAR").touch()
    folder = dict.fromkeys(CODES[code].folders, tmp_path / "files")
    labeler = make_labeler(
        ASELabeler(calculator=code, program=name, folders=folder, parameters={"xc": "PBE"}, timeout_s=60)
    )
    with pytest.raises(LabelError):
        labeler.label(bulk("Ge", a=5.66), tmp_path / "label")
    assert [file.name for file in tmp_path.glob("ran-*")] == [f"ran-{name}"]


@pytest.mark.parametrize(
    ("code", "program", "file"),
    [
        ("vasp", "vasp_std", "potpaw_PBE/Ge_d/POTCAR"),
        ("aims", "aims.x", "32_Ge_default"),
        ("siesta", "siesta", "Ge.psml"),
    ],
)
def test_an_element_without_files_is_told_before_any_label(
    code: str, program: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(**changes: Any) -> str:
        with pytest.raises(LabelError) as failure:
            make_labeler(ASELabeler(calculator=code, **changes)).preflight({"Ge", "Si"})
        return str(failure.value)

    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (key,) = CODES[code].folders
    monkeypatch.delenv(key, raising=False)
    version.cache_clear()
    assert told() == f"{code}: folders.{key} is missing: where the files of its elements are"
    place = tmp_path / "files"
    place.mkdir()
    assert told(folders={key: place}) == f"{code}: folders.{key}: {place} has no file for Ge"
    (place / file).parent.mkdir(parents=True, exist_ok=True)
    (place / file).touch()
    assert told(folders={key: place}) == f"{code}: folders.{key}: {place} has no file for Si"


@pytest.mark.parametrize("given", [None, {"Ge": 3}, "Ge.UPF"])
@pytest.mark.parametrize("_pw", ["writes nothing"], indirect=True)
def test_pseudopotentials_that_are_no_names_are_one_message(
    _pw: Path, fake: ASELabeler, tmp_path: Path, given: Any
) -> None:
    changes = {"folders": {"pseudo_dir": tmp_path}, "parameters": {"pseudopotentials": given}}
    with pytest.raises(LabelError, match=r"^espresso: parameters\.pseudopotentials: got .*, expected the file's name"):
        make_labeler(fake.model_copy(update=changes)).preflight({"Ge"})


def test_every_code_has_a_calculator() -> None:
    for code in CODES.values():
        module, _, name = code.calculator.partition(":")
        assert find_spec(module), module
        assert name
        assert bool(code.programs) != bool(code.package)


def test_a_command_is_a_launcher_and_a_known_program() -> None:
    one = ASELabeler(calculator="espresso", launcher="mpiexec -n {processes}", processes=4)
    assert (one.command, ASELabeler(calculator="dftb").command) == ("mpiexec -n 4 pw.x", "dftb+")
    assert ASELabeler(calculator="tblite").command == ""
    np.testing.assert_equal(make_labeler(one).cores(bulk("Ge")), 4)
