"""A Dask cluster of separate processes, for tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from al_core.config.site import DaskSite
from flows.runtime.certificates import write_certificates
from tests.flows.runtime.waiting import wait_for

_ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Cluster:
    """A scheduler, and the workers that were started for it.

    Attributes:
        folder: of what they write.
        programs: what was started.
    """

    folder: Path
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def certificates(self) -> Path:
        """Who may join."""
        return self.folder / "certificates"

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        return str(json.loads((self.folder / "scheduler.json").read_text())["address"])

    @property
    def site(self) -> DaskSite:
        """What a config says of it."""
        return DaskSite(address=self.address, certificates=self.certificates, wait_minutes=0.5)

    def start(self, program: str, *arguments: object, certificates: Path | None = None) -> "subprocess.Popen[bytes]":
        """Start ``dask scheduler`` or ``dask worker``."""
        folder = certificates or self.certificates
        tls = ("--tls-ca-file", folder / "ca.pem", "--tls-cert", folder / "ca.pem", "--tls-key", folder / "key.pem")
        command = [sys.executable, "-m", "dask", program, *arguments, "--no-dashboard", *tls]
        with self.log(len(self.programs)).open("wb") as log:
            started = subprocess.Popen(
                [str(part) for part in command],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
            )
        self.programs.append(started)
        return started

    def worker(self, name: str, *more: object, certificates: Path | None = None) -> "subprocess.Popen[bytes]":
        """Start a worker of one core, with a folder of its own."""
        own = ("--name", name, "--nthreads", 1, "--no-nanny", "--local-directory", self.folder / name)
        return self.start("worker", self.address, *own, *more, certificates=certificates)

    def log(self, number: int) -> Path:
        """Return the file with what a program printed."""
        return self.folder / f"{number}.log"


@contextmanager
def scheduler(folder: Path) -> Iterator[Cluster]:
    """Start a scheduler that listens to whoever has the certificates; end it and its workers with the block."""
    cluster = Cluster(folder)
    write_certificates(cluster.certificates)
    file = folder / "scheduler.json"
    try:
        cluster.start(
            *("scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file),
            *("--dashboard-address", "127.0.0.1:0"),
        )
        wait_for(lambda: file.exists() and file.read_text().strip().endswith("}"))
        yield cluster
    finally:
        for program in reversed(cluster.programs):
            program.kill()
            program.wait()
