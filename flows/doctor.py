"""Checks of the installation, each with a hint what to do. Heavy libraries are imported only inside the checks."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

DISTRIBUTION = "graft-mlip"
PACKAGES = ("torch", "mace-torch", "e3nn", "ase", "gpaw", "gpaw-data", "prefect", "fastapi")
PYTHON_FROM, PYTHON_BELOW = (3, 11), (3, 13)
FREE_DISK_GB = 2.0
DFT_TIMEOUT_S = 180.0
REINSTALL = "install Graft again from its wheel or checkout: pip install --force-reinstall --no-deps ..."

# Run apart, as every use of GPAW in Graft; prints one line of JSON.
_ABOUT_GPAW = """
import json, pathlib
import gpaw, gpaw.cgpaw, gpaw.fftw
files = [file.name for path in gpaw.setup_paths for file in pathlib.Path(path).glob("*.PBE*")]
print(json.dumps({
    "data sets": [name for name in ("Si", "Ge") if any(file.startswith(name + ".PBE") for file in files)],
    "libraries": {
        "libxc": bool(gpaw.get_libraries().get("libxc")),
        "FFTW": bool(gpaw.fftw.have_fftw()),
        "BLAS": hasattr(gpaw.cgpaw, "mmm"),
        "MPI": bool(gpaw.cgpaw.have_mpi),
        "OpenMP": bool(gpaw.cgpaw.have_openmp),
    },
}))
"""


@dataclass(frozen=True)
class Check:
    """One finding. ``hint`` says what to do, or what would be better where ``ok``; '' if there is nothing to do."""

    name: str
    ok: bool
    found: str
    hint: str = ""


def run_checks() -> list[Check]:
    """Run all checks; those of GPAW take some seconds."""
    gpaw_facts = about_gpaw()
    return [
        check_python(),
        check_compiler(),
        *check_packages(),
        check_data_sets(gpaw_facts),
        check_libraries(gpaw_facts),
        check_mpi(gpaw_facts),
        check_dft(),
        check_cores(),
        check_assets(),
        check_folder(),
        *check_all_of_prefect(),
    ]


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """Check the version of Python."""
    ok = PYTHON_FROM <= version[:2] < PYTHON_BELOW
    hint = "" if ok else "make a virtual environment with Python 3.11 or 3.12: python3.11 -m venv .venv"
    return Check("Python", ok, ".".join(map(str, version)), hint)


def check_compiler() -> Check:
    """Check for g++. It is needed once, to build GPAW."""
    path = shutil.which("g++")
    if path:
        return Check("C++ compiler", True, path)
    hint = "install g++ (Debian: apt-get install g++); GPAW is compiled when it is installed"
    built = _version("gpaw") is not None
    return Check("C++ compiler", built, "no g++ on PATH" + (", but GPAW is built" if built else ""), hint)


def check_packages() -> list[Check]:
    """Check the versions of what Graft builds on against the ranges its own metadata asks for."""
    try:
        asked = {need.name: need for need in map(Requirement, metadata.requires(DISTRIBUTION) or []) if not need.marker}
    except metadata.PackageNotFoundError:
        hint = "install it, in the checkout with: CC=g++ CXX=g++ pip install -c constraints.txt -e ."
        return [Check(DISTRIBUTION, False, "not installed, so the versions it needs are not known", hint)]
    return [_check_package(asked[name]) for name in PACKAGES]


def _check_package(need: Requirement) -> Check:
    found = _version(need.name)
    ok = found is not None and need.specifier.contains(Version(found), prereleases=True)
    prefix = "CC=g++ CXX=g++ " if need.name == "gpaw" else ""
    hint = "" if ok else f"{prefix}pip install '{need}'"
    if need.name == "fastapi" and not ok:
        hint += "; the server of this Prefect does not work with other versions"
    return Check(need.name, ok, f"{found or 'not installed'} (needs {need.specifier})", hint)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def about_gpaw(program: str = _ABOUT_GPAW) -> dict[str, Any] | str:
    """Return the data sets and libraries that GPAW finds, or the reason why it cannot be asked."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=DFT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def check_data_sets(facts: dict[str, Any] | str) -> Check:
    """Check that GPAW finds the PAW data sets of Si and Ge."""
    hint = "pip install --force-reinstall gpaw-data, and unset GPAW_SETUP_PATH if it is set"
    if isinstance(facts, str):
        return Check("PAW data sets", False, facts, hint)
    missing = {"Si", "Ge"} - set(facts["data sets"])
    if missing:
        return Check("PAW data sets", False, f"none for {' and '.join(sorted(missing))}", hint)
    return Check("PAW data sets", True, "Si and Ge")


def check_libraries(facts: dict[str, Any] | str) -> Check:
    """Report the libraries that GPAW was built with; none is needed."""
    if isinstance(facts, str):
        return Check("GPAW libraries", True, "not known")
    there = [name for name, has in facts["libraries"].items() if has]
    missing = [name for name in ("FFTW", "BLAS", "libxc") if name not in there]
    hint = (
        f"optional: GPAW can be built with {', '.join(missing)} too; "
        "with FFTW, BLAS and libxc an 8-atom label is the same and takes as long (measured)"
    )
    return Check(
        "GPAW libraries",
        True,
        ", ".join(there) or "none (its own PBE, SciPy's BLAS, NumPy's FFT)",
        hint if missing else "",
    )


def check_mpi(facts: dict[str, Any] | str) -> Check:
    """Report whether a large cell can be computed on several cores; small ones go faster one a core."""
    launcher = shutil.which("mpiexec") or shutil.which("srun")
    built_in = not isinstance(facts, str) and facts["libraries"]["MPI"]
    library = "GPAW's own" if built_in else "mpi4py" if _version("mpi4py") else ""
    if launcher and library:
        return Check("MPI", True, f"{launcher}, {library}")
    missing = " and ".join(name for name, has in (("no mpiexec on PATH", launcher), ("no mpi4py", library)) if not has)
    hint = "optional: pip install 'graft-mlip[mpi]' lets labeler.parallel compute one large cell on several cores"
    return Check("MPI", True, missing, hint)


def check_dft() -> Check:
    """Check that the labeler gets forces from GPAW: two Si atoms, few plane waves, in a subprocess of one thread."""
    from al_core.errors import GraftError

    hint = "GPAW is built again with: CC=g++ CXX=g++ pip install --force-reinstall --no-deps gpaw"
    folder = Path(tempfile.mkdtemp(prefix="graft-doctor-"))  # kept if the calculation fails: its output tells why
    try:
        from ase.build import bulk

        from al_core.config.labelers import GPAWLabeler
        from calculators.base import make_labeler

        atoms = bulk("Si")
        atoms.rattle(0.05, seed=0)
        settings = GPAWLabeler(cutoff_eV=150, kpt_density=1.0, timeout_s=DFT_TIMEOUT_S)
        label = make_labeler(settings).label(atoms, folder)
    except (GraftError, ImportError, OSError) as error:
        return Check("GPAW calculates", False, str(error), hint)
    shutil.rmtree(folder)
    return Check("GPAW calculates", True, f"two Si atoms in {label.core_seconds:.1f} core-seconds")


def check_cores() -> Check:
    """Report the cores and the thread variables. Graft itself uses one thread a process and one process a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS")
    found = f"{cores} {'core' if cores == 1 else 'cores'}, OMP_NUM_THREADS {'not set' if threads is None else threads}"
    if threads is not None and not (threads.isdigit() and 1 <= int(threads) <= cores):
        return Check("cores", False, found, f"unset OMP_NUM_THREADS, or set it to at most {cores}")
    return Check("cores", True, found)


def check_assets(folder: Path | None = None) -> Check:
    """Check that the data that come with Graft are there, and are those that their data sheets name."""
    from al_core.storage.hashing import file_sha256

    if folder is None:
        import al_core

        folder = Path(al_core.__path__[0]) / "assets" / "data"
    sheets = sorted(folder.glob("*.json"))
    if not sheets:
        return Check("bundled data", False, f"no data sheet in {folder}", REINSTALL)
    faults = [fault for sheet in sheets if (fault := _sheet_fault(sheet, file_sha256))]
    if faults:
        return Check("bundled data", False, "; ".join(faults), REINSTALL)
    return Check("bundled data", True, ", ".join(sheet.stem for sheet in sheets))


def _sheet_fault(sheet: Path, sha256: Callable[[Path], str]) -> str:
    """Return what is wrong with a data sheet or its file, '' if nothing."""
    try:
        content = json.loads(sheet.read_text())
        file, expected = sheet.parent / content["file"], content["sha256"]
    except (ValueError, KeyError, TypeError):
        return f"{sheet.name} does not name a file and its sha256"
    if not file.is_file():
        return f"{file.name} is missing"
    return "" if sha256(file) == expected else f"{file.name} is not the file that {sheet.name} describes"


def check_folder(folder: Path | None = None) -> Check:
    """Check that results can be written into the current folder."""
    folder = folder or Path.cwd()
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("current folder", False, f"{folder}: {error.strerror}", "change to a folder that you may write to")
    free = shutil.disk_usage(folder).free / 1e9
    hint = "" if free >= FREE_DISK_GB else f"free some disk: a study keeps up to {FREE_DISK_GB:g} GB of DFT output"
    return Check("current folder", free >= FREE_DISK_GB, f"{folder}, writable, {free:.1f} GB free", hint)


def check_all_of_prefect() -> list[Check]:
    """Check Prefect, as commands use it: first its settings, for with wrong ones it cannot be imported."""
    from al_core.errors import ConfigError
    from flows.runtime.server import leave_profile
    from flows.runtime.settings import read_settings

    leave_profile()
    try:
        read_settings()
    except ConfigError as error:
        found, _, hint = str(error).partition("; ")
        return [Check("Prefect settings", False, found, hint)]
    return [check_prefect(), check_telemetry(), check_server()]


def check_prefect() -> Check:
    """Check that Prefect and the server that comes with it can be imported."""
    program = "import prefect.server.api.server, prefect.workers.process"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Check("Prefect", True, "can be imported, with its server")
    found = (done.stderr.strip().splitlines() or ["cannot be imported"])[-1]
    return Check("Prefect", False, found, "pip install the versions of prefect and fastapi named above")


def check_telemetry() -> Check:
    """Check that Prefect sends nothing to its makers."""
    from prefect.settings import get_current_settings

    untracked = os.environ.get("DO_NOT_TRACK", "").lower() in {"1", "true", "yes"}
    analytics = bool(get_current_settings().server.analytics_enabled)
    if not analytics:
        return Check("telemetry", True, "off")
    found = f"Prefect's server analytics are on{'' if untracked else ', DO_NOT_TRACK is not set'}"
    return Check("telemetry", False, found, "export DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false")


def check_server() -> Check:
    """Check the Prefect server that commands are asked to use, if there is one."""
    from al_core.errors import ConfigError
    from flows.runtime.server import choose_server

    try:
        url = choose_server()
    except ConfigError as error:
        found, _, hint = str(error).partition("; ")
        return Check("Prefect server", False, found, hint)
    return Check("Prefect server", True, url or "none named: each run starts one of its own")
