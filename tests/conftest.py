"""Fixtures shared by the tests: one real Prefect server a session, tiny models, structures, a label store."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# before torch is imported, and for every process the tests start: models this small gain nothing from threads, and
# threads that wait for each other on a busy machine make a test of a second one of minutes
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]

# what `pytest` alone leaves out, as in pyproject.toml
MARKED = ("dft", "train", "slow", "browser", "prefect")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests share a worker: those of a file, and all that are marked, one after another.

    The marked tests share the smoke study and the Prefect server, and some of them fill a core or measure times.
    """
    for item in items:
        marked = any(item.get_closest_marker(name) for name in MARKED)
        item.add_marker(pytest.mark.xdist_group("marked" if marked else item.path.relative_to(ROOT).as_posix()))


@dataclass(frozen=True)
class PrefectServer:
    """A running server and the environment in which Prefect's commands talk to it."""

    url: str
    env: dict[str, str]
    folder: Path  # logs, and Prefect's home

    def prefect(self, *arguments: str, timeout: float = 300, cwd: Path = ROOT, named: bool = True) -> str:
        """Run a ``prefect`` command without a terminal and return its output; fail the test if it fails.

        Without ``named`` the command is not told the server's URL, as on a user's machine.
        """
        env = self.env if named else {key: self.env[key] for key in self.env if key != "PREFECT_API_URL"}
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"prefect {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    @contextlib.contextmanager
    def worker(self, pool: str, cwd: Path = ROOT, named: bool = True) -> Iterator[Path]:
        """Run ``prefect worker start --pool POOL`` while the block lasts; yield its log, to be shown on failure."""
        env = self.env if named else {key: self.env[key] for key in self.env if key != "PREFECT_API_URL"}
        log = self.folder / f"worker-{pool}.log"
        with _running(["worker", "start", "--pool", pool], env, log, cwd):
            yield log


@contextlib.contextmanager
def _running(arguments: list[str], env: dict[str, str], log: Path, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a ``prefect`` command in a process group of its own, and end the whole group with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # children that outlived their parent
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path, timeout: float = 120) -> None:
    import httpx

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=2, trust_env=False).is_success:
                return
        assert process.poll() is None, f"the Prefect server ended with {process.returncode}:\n{log.read_text()}"
        time.sleep(0.3)
    raise TimeoutError(f"no Prefect server at {url} after {timeout:g} s:\n{log.read_text()}")


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A ``prefect server start`` on a free port of this machine, with a home of its own; it calls nobody."""
    folder = tmp_path_factory.mktemp("prefect")
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    # nothing of the user's own Prefect setup may reach the tests, nor the tests that setup
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    env |= {
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}",
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
    }
    log = folder / "server.log"
    with _running(["server", "start"], env, log, folder) as process:
        _wait_until_healthy(url, process, log)
        yield PrefectServer(url, env, folder)


# ---- tiny models and structures --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiny() -> Any:
    """The smallest architecture that still has every part of a real one."""
    from al_core.config.training import Architecture

    return Architecture(
        channels=4, l_max=2, correlation=2, layers=2, r_max=4.0, radial_functions=4, radial_mlp=(8, 8), cutoff_power=5
    )


@pytest.fixture(scope="session")
def cpu() -> Any:
    """The device of every test."""
    import torch

    return torch.device("cpu")


@pytest.fixture
def default_dtype() -> Iterator[None]:
    """Keep torch's default dtype, which MACECalculator changes for the whole process."""
    import torch

    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="session")
def sw_label() -> Any:
    """Label a structure with Stillinger-Weber."""
    from al_core.types import Label
    from calculators.classical.stillinger_weber import stillinger_weber

    def label(atoms: Any) -> Any:
        copy = atoms.copy()
        copy.calc = stillinger_weber(atoms.get_chemical_symbols()[0])
        return Label(float(copy.get_potential_energy()), copy.get_forces(), copy.get_stress())

    return label


@pytest.fixture(scope="session")
def crystals() -> Any:
    """Make n different rattled and strained 8-atom diamond cells of an element."""
    import numpy as np
    from ase.build import bulk

    from al_core.structures.elements import CRYSTALS

    def make(element: str, n: int, seed: int = 0, rattle: float = 0.12) -> list[Any]:
        rng = np.random.default_rng(seed)
        made = []
        for number in range(n):
            atoms = bulk(element, "diamond", a=CRYSTALS[element].lattice_constant_A, cubic=True)
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
            atoms.positions += rng.normal(0, rattle, atoms.positions.shape)
            atoms.info["config_type"] = f"group{number % 2}"
            made.append(atoms)
        return made

    return make


@pytest.fixture(scope="session")
def cells(crystals: Any) -> Any:
    """Ge cells that neighbour lists stumble over: perfect, rattled, vacancy, one atom with many images, a cluster."""
    from ase.build import bulk

    rattled = crystals("Ge", 1, seed=5)[0]
    vacancy = rattled.copy()
    del vacancy[3]
    cluster = crystals("Ge", 1, seed=6)[0]
    cluster.pbc = False
    return {
        "perfect": bulk("Ge", "diamond", a=5.658, cubic=True),
        "rattled": rattled,
        "vacancy": vacancy,
        "one atom": bulk("Ge", "sc", a=2.6),
        "cluster": cluster,
    }


@pytest.fixture(scope="session")
def ge_labelled(crystals: Any, sw_label: Any) -> Any:
    """Five Ge structures with labels."""
    return [(atoms, sw_label(atoms)) for atoms in crystals("Ge", 5, seed=2)]


@pytest.fixture
def atoms() -> Any:
    """The two atoms of a germanium crystal."""
    from ase.build import bulk

    return bulk("Ge", "diamond", a=5.66)


class PostgresServer:
    """A PostgreSQL server of our own, on a socket in a temporary folder, or open to the machines of a network."""

    def __init__(self, programs: Path, folder: Path, address: str = "", network: str = "") -> None:
        user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        if user:
            shutil.chown(folder, user)
        self.url = f"postgresql://graft@/postgres?host={folder}"
        quiet = subprocess.DEVNULL
        self._quiet: dict[str, Any] = {"user": user, "cwd": folder, "stdout": quiet, "stderr": quiet}
        data, options = folder / "data", ["-k", folder, "-c", "fsync=off", "-c", "listen_addresses="]
        subprocess.run([programs / "initdb", "-D", data, "-U", "graft", "--no-sync"], check=True, **self._quiet)
        if address:
            with (data / "pg_hba.conf").open("a") as file:
                file.write(f"host all all {network} trust\n")
            port = str(_free_port())
            options[-1:] = [f"listen_addresses={address}", "-p", port, "-c", "max_connections=300"]
            self.url = f"postgresql://graft@{address}:{port}/postgres"
        self._command = [programs / "postgres", "-D", data, *options]
        self.start()

    def start(self) -> None:
        """Start it, and return when it answers."""
        import psycopg2

        self._process = subprocess.Popen(self._command, **self._quiet)
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg2.connect(self.url).close()
                return
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, "PostgreSQL does not start"
                time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it, whoever is connected; by SIGQUIT without putting anything in order."""
        self._process.send_signal(how)
        self._process.wait(timeout=30)


@contextlib.contextmanager
def running_postgres(address: str = "", network: str = "") -> Iterator[PostgresServer]:
    """Run a server while the block lasts; for the machines of a network where an address is given."""
    folders = [Path("/usr/local/bin"), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    programs = next((folder for folder in folders if (folder / "initdb").exists()), None)
    if programs is None:
        pytest.skip("there is no PostgreSQL here (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="graft-pg-"))
    try:
        server = PostgresServer(programs, folder, address, network)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of all tests."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A server of one test, which may stop it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The URL of an empty data base."""
    import psycopg2

    connection = psycopg2.connect(postgres_server.url)
    connection.autocommit = True
    name = f"graft_{time.monotonic_ns()}"
    connection.cursor().execute(f"CREATE DATABASE {name}")
    connection.close()
    return postgres_server.url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """An empty label store."""
    from al_core.labels.store import LabelStore

    return LabelStore(tmp_path / "labels.db")


@pytest.fixture(params=["file", "server"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """An empty label store, in a file and on a PostgreSQL server."""
    from al_core.labels.store import LabelStore

    return LabelStore(tmp_path / "labels.db" if request.param == "file" else request.getfixturevalue("postgres"))


@pytest.fixture(scope="session")
def source(tiny: Any, cpu: Any, crystals: Any, sw_label: Any) -> Any:
    """A committee of two Si models, trained for a moment, so that forces are of a real size and the members differ."""
    from al_core.config.training import Training
    from al_core.models.arms.scratch import initial_model
    from al_core.models.training.train import train

    labelled = [(atoms, sw_label(atoms)) for atoms in crystals("Si", 6, seed=1)]
    starts = [initial_model(tiny, labelled, ["Si"], seed, cpu) for seed in (11, 12)]
    return train(starts, labelled, Training(steps=30, optimizer="adam"), 0.01, 0, cpu)
