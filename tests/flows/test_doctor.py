"""``graft doctor``: every check that can fail is broken once, and must say what mends it."""

import io
import json
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement
from rich.console import Console

from al_core.errors import LabelError
from al_core.storage.hashing import file_sha256
from flows import doctor
from flows.cli.doctor import doctor as print_doctor
from flows.cli.doctor import print_checks
from flows.doctor import Check

ROOT = Path(__file__).resolve().parents[2]
NEEDS = [Requirement(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]


def assert_broken(check: Check, *words: str) -> None:
    """Assert that a check failed, and that its finding or hint says each of the words."""
    assert not check.ok
    assert check.hint
    for word in words:
        assert word in f"{check.found}\n{check.hint}"


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The installed versions that the checks see; the metadata of Graft are those of ``pyproject.toml``."""
    seen = {
        "ase": "3.29.0",
        "e3nn": "0.4.4",
        "fastapi": "0.150.0",
        "gpaw": "26.7.0",
        "gpaw-data": "1.2.1",
        "mace-torch": "0.3.16",
        "prefect": "3.8.8",
        "torch": "2.13.0+cpu",
    }

    def version(name: str) -> str:
        if name not in seen:
            raise metadata.PackageNotFoundError(name)
        return seen[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", lambda name: [*map(str, NEEDS), 'pytest>=9; extra == "test"'])
    return seen


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 13, 0), (4, 0, 0)])
def test_python_too_old_or_too_new(version: tuple[int, ...]) -> None:
    assert_broken(doctor.check_python(version), ".".join(map(str, version)), "3.11")


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9)])
def test_python_supported(version: tuple[int, ...]) -> None:
    assert doctor.check_python(version).ok


def test_python_range_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (low, below) = (".".join(map(str, pair)) for pair in (doctor.PYTHON_FROM, doctor.PYTHON_BELOW))
    assert project["requires-python"] == f">={low},<{below}"


def test_no_compiler_matters_only_before_gpaw_is_built(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    built = doctor.check_compiler()
    assert built.ok
    assert "g++" in built.hint
    del versions["gpaw"]
    assert_broken(doctor.check_compiler(), "g++", "apt-get install")


def test_packages_in_range(versions: dict[str, str]) -> None:
    checks = doctor.check_packages()
    assert [check.name for check in checks] == list(doctor.PACKAGES)
    assert all(check.ok and not check.hint for check in checks)


@pytest.mark.parametrize("name", doctor.PACKAGES)
def test_a_package_that_is_missing_or_out_of_range(name: str, versions: dict[str, str]) -> None:
    for found in (None, "0.0.1", "99.0"):
        if found is None:
            del versions[name]
        else:
            versions[name] = found
        (broken,) = [check for check in doctor.check_packages() if not check.ok]
        assert broken.name == name
        assert_broken(broken, found or "not installed", f"pip install '{name}")


def test_fastapi_newer_than_prefect_can_bear(versions: dict[str, str]) -> None:
    versions["fastapi"] = "0.151.0"
    (broken,) = [check for check in doctor.check_packages() if not check.ok]
    assert_broken(broken, "<0.151", "server of this Prefect")


def test_graft_itself_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    (check,) = doctor.check_packages()
    assert check.name == "graft-mlip"
    assert_broken(check, "not installed", "pip install")


def test_gpaw_that_cannot_be_imported() -> None:
    facts = doctor.about_gpaw("import sys; sys.exit('ImportError: no libxc.so')")
    assert facts == "ImportError: no libxc.so"
    assert_broken(doctor.check_data_sets(facts), "no libxc.so")
    assert doctor.check_libraries(facts).ok  # the failure is told once


def test_missing_data_sets() -> None:
    assert_broken(doctor.check_data_sets({"data sets": ["Si"]}), "none for Ge", "gpaw-data")


def test_missing_libraries_are_information() -> None:
    libraries = {"libxc": False, "FFTW": True, "BLAS": False, "MPI": False}
    check = doctor.check_libraries({"libraries": libraries})
    assert (check.ok, check.found) == (True, "FFTW")
    assert "BLAS, libxc" in check.hint
    assert not doctor.check_libraries({"libraries": dict.fromkeys(libraries, True)}).hint


def test_gpaw_that_fails_to_calculate(monkeypatch: pytest.MonkeyPatch) -> None:
    def label(atoms: Any, folder: Path) -> None:
        raise LabelError(f"the GPAW process ended with code -11; output in {folder}")

    monkeypatch.setattr("calculators.base.make_labeler", lambda settings: SimpleNamespace(label=label))
    check = doctor.check_dft()
    assert_broken(check, "code -11", "pip install")
    kept = Path(check.found.split("output in ")[1])
    assert kept.is_dir()
    kept.rmdir()


@pytest.mark.dft
def test_gpaw_as_installed() -> None:
    facts = doctor.about_gpaw()
    assert doctor.check_data_sets(facts) == Check("PAW data sets", True, "Si and Ge")
    assert doctor.check_libraries(facts).found != "not known"
    assert doctor.check_dft().ok


@pytest.mark.parametrize("threads", ["0", "100000", "many", ""])
def test_wrong_number_of_threads(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert_broken(doctor.check_cores(), "OMP_NUM_THREADS")


def test_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert doctor.check_cores().ok
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert doctor.check_cores().ok


def test_bundled_data(tmp_path: Path) -> None:
    assert_broken(doctor.check_assets(tmp_path), str(tmp_path), "install Graft again")
    file, sheet = tmp_path / "ge.extxyz", tmp_path / "ge.json"
    file.write_text("two atoms")
    sheet.write_text(json.dumps({"file": file.name, "sha256": file_sha256(file), "license": "CC-BY"}))
    assert doctor.check_assets(tmp_path) == Check("bundled data", True, "ge")
    file.write_text("two other atoms")
    assert_broken(doctor.check_assets(tmp_path), "ge.extxyz is not the file that ge.json describes")
    file.unlink()
    assert_broken(doctor.check_assets(tmp_path), "ge.extxyz is missing")
    for text in ('{"file": "ge.extxyz"}', "{", "[]"):
        sheet.write_text(text)
        assert_broken(doctor.check_assets(tmp_path), "does not name a file and its sha256")


def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_folder(tmp_path).ok
    assert_broken(doctor.check_folder(tmp_path / "absent"), "absent", "change to a folder")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e8))
    assert_broken(doctor.check_folder(tmp_path), "0.1 GB", "free some disk")


def test_prefect_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "prefect.py").write_text("raise TypeError('unexpected keyword argument')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert_broken(doctor.check_prefect(), "unexpected keyword argument", "fastapi")


def test_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_SERVER_ANALYTICS_ENABLED, temporary_settings

    with temporary_settings({PREFECT_SERVER_ANALYTICS_ENABLED: True}):
        monkeypatch.delenv("DO_NOT_TRACK", raising=False)
        assert_broken(doctor.check_telemetry(), "DO_NOT_TRACK is not set", "PREFECT_SERVER_ANALYTICS_ENABLED=false")
    with temporary_settings({PREFECT_SERVER_ANALYTICS_ENABLED: False}):
        assert doctor.check_telemetry().ok


def test_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH", "PREFECT_SERVER_EPHEMERAL_ENABLED"):
        monkeypatch.setenv(name, "")  # so that what is set is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert_broken(doctor.check_server(), "http://127.0.0.1:9/api", "prefect server start")
    monkeypatch.delenv("PREFECT_API_URL")
    assert doctor.check_server().ok


@pytest.mark.prefect
def test_server_that_answers(prefect_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    assert doctor.check_server() == Check("Prefect server", True, prefect_server.url)


def test_printing_keeps_brackets_and_puts_failures_first() -> None:
    console = Console(file=io.StringIO(), width=200)
    checks = [Check("a", True, "fine", "could be better"), Check("b", False, "[Errno 2] gone", "pip install .[test]")]
    print_checks(checks, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[Errno 2] gone" in text
    assert text.index("pip install .[test]") < text.index("could be better")
    assert [line.split()[0] for line in text.splitlines()[1:3]] == ["ok", "FAIL"]


def test_the_checks_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    checks = [Check("a", True, "fine"), Check("b", False, "[Errno 2] gone", "pip install .[test]")]
    monkeypatch.setattr(doctor, "run_checks", lambda: checks)
    with pytest.raises(typer.Exit) as ended:
        print_doctor(as_json=True)
    assert ended.value.exit_code == 1
    assert [Check(**one) for one in json.loads(capsys.readouterr().out)["checks"]] == checks


def test_nothing_heavy_is_imported_before_a_check_runs() -> None:
    import subprocess

    program = (
        "import sys, flows.doctor; print(*({'torch', 'prefect', 'ase', 'gpaw', 'mace', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not done.stdout.split()
