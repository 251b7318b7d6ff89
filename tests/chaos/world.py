"""A scheduler, four workers on two machines, and commands that are run again until they have done their work."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from al_core.config.site import DaskSite
from flows.runtime.certificates import write_certificates
from tests.chaos.machines import HOST, Machine
from tests.watching import WATCHING

ROOT = Path(__file__).resolve().parents[2]

# labels take a moment, and which labels and
# committees are begun and finished is written down
_WATCH = """
import os, sys, time

if clock := os.environ.get("CHAOS_CLOCK"):
    true, known = time.time, [0.0, 0.0]

    def shifted():
        if time.monotonic() > known[1]:
            with open(clock) as file:
                known[:] = float(file.read() or 0), time.monotonic() + 0.5
        return true() + known[0]

    time.time = shifted

def note(*words):
    log = os.open(os.environ["CHAOS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (" ".join(map(str, words)) + "\\n").encode())
    os.close(log)

def watch_labeler(module):
    label = module.StillingerWeberLabeler.label
    def watched(self, atoms, directory, rung=0):
        note("began", next(part for part in reversed(directory.parts) if part.startswith("L")))
        time.sleep(float(os.environ["CHAOS_SECONDS"]))
        return label(self, atoms, directory, rung)
    module.StillingerWeberLabeler.label = watched

def watch_store(module):
    complete = module.LabelStore.complete
    def watched(self, key, label):
        complete(self, key, label)
        note("finished", key)
    module.LabelStore.complete = watched

def watch_committees(module):
    train = module.train_committee
    def watched(inputs):
        if module.trained(inputs) is None:
            note("began", inputs.key)
        failure = train(inputs)
        note("finished", inputs.key)
        return failure
    module.train_committee = watched

WATCHED |= {
    "calculators.classical.stillinger_weber": watch_labeler,
    "al_core.labels.store": watch_store,
    "al_core.studies.committees": watch_committees,
}
"""


@dataclass
class Command:
    """A command of ``graft`` that is run again until it has done its work.

    Attributes:
        name: of it.
        arguments: what it is called with.
        ends: {how a run ended: how often}: ``killed``, or the first line of what it said.
    """

    name: str
    arguments: Sequence[str]
    ends: Counter[str] = field(default_factory=Counter)
    process: "subprocess.Popen[bytes] | None" = None
    done: bool = False


class World:
    """All processes of the test, each with the environment variable ``GRAFT_CHAOS``.

    Args:
        folder: of what they write, beside the results.
        machines: with workers.
        each: workers of a machine.
        seconds: that a label takes.
    """

    def __init__(self, folder: Path, machines: Sequence[Machine], each: int, seconds: float) -> None:
        self.folder, self.machines, self.log = folder, machines, folder / "chaos.log"
        (folder / "watch").mkdir()
        (folder / "watch" / "sitecustomize.py").write_text(WATCHING + _WATCH)
        self.log.touch()
        write_certificates(folder / "certificates")
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port = probe.getsockname()[1]
        site = DaskSite(address=f"tls://{HOST}:{self._port}", certificates=folder / "certificates", wait_minutes=2)
        self.site = folder / "site.yaml"
        self.site.write_text(json.dumps(site.model_dump(mode="json")))
        self._begin_s = time.monotonic()
        self._mark = f"GRAFT_CHAOS={os.getpid()}-{time.time_ns()}"
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")} | {
            "CHAOS_LOG": str(self.log),
            "CHAOS_SECONDS": str(seconds),
            "COLUMNS": "200",
            "GRAFT_CHAOS": self._mark.partition("=")[2],
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "PREFECT_HOME": str(folder / "prefect"),
            "PYTHONPATH": f"{folder / 'watch'}{os.pathsep}{ROOT}",
        }
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes] | None] = {
            f"{machine.name}-{number}": None for machine in machines for number in range(each)
        }
        self.commands: list[Command] = []
        self.killed: set[int] = set()

    def tend(self) -> None:
        """Start what does not run, as a supervisor would, and commands again that have not done their work."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            listen = ("--protocol", "tls", "--host", HOST, "--port", str(self._port))
            self.scheduler = self._dask("scheduler", *listen, "--dashboard-address", "127.0.0.1:0")
        for name, worker in self.workers.items():
            if worker is None or worker.poll() is not None:
                own = ("--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30")
                where = (
                    "--host",
                    self.machine_of(name).address,
                    "--local-directory",
                    str(self.machine_of(name).folder),
                )
                address = f"tls://{HOST}:{self._port}"
                self.workers[name] = self._dask("worker", address, *own, *where, machine=self.machine_of(name))
        for command in self.commands:
            if not command.done and (command.process is None or command.process.poll() is not None):
                self._ended(command)
                if not command.done:
                    self._begin(command)

    def kill(self, process: int, signal_: signal.Signals = signal.SIGKILL) -> None:
        """Send a process a signal, if it is still there."""
        self.killed.add(process)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal_)

    def processes(self, wanted: Callable[[str], bool]) -> list[int]:
        """Return this world's processes whose command line is wanted, oldest first."""
        return sorted(
            int(one.name)
            for one in Path("/proc").glob("[0-9]*")
            if self._mark in _read(one, "environ").split("\0") and wanted(_read(one, "cmdline").replace("\0", " "))
        )

    def children(self, parent: int) -> list[int]:
        """Return the processes that a process started."""
        return [one for one in self.processes(lambda _: True) if _parent(one) == parent]

    def end(self) -> None:
        """Kill the scheduler, the workers and what is left of the commands."""
        for process in (self.scheduler, *self.workers.values(), *(command.process for command in self.commands)):
            if process is not None:
                process.kill()
                process.wait()

    def said(self, command: Command) -> str:
        """Return what the last run of a command printed."""
        return (self.folder / f"{command.name}.out").read_text(errors="replace")

    def note(self, what: str) -> None:
        """Print what happens, with the time since the start."""
        print(f"{time.monotonic() - self._begin_s:7.1f} s  {what}", flush=True)

    def _begin(self, command: Command) -> None:
        self.note(f"{command.name} begins")
        with (self.folder / f"{command.name}.out").open("wb") as output:
            command.process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", *command.arguments],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _ended(self, command: Command) -> None:
        """Write down how a run ended."""
        if command.process is None:
            return
        code, said = command.process.returncode, self.said(command)
        self.note(f"{command.name} ended with {code}")
        if code == 0:
            command.done = True
        elif command.process.pid in self.killed:
            command.ends["killed"] += 1
        else:
            errors = [line for line in said.splitlines() if line.startswith(("error: ", "failed: "))]
            # an exception that nobody caught has a traceback instead
            assert code in (1, 2), f"{command.name} ended with {code}:\n{said}"
            assert len(errors) == 1, said
            if "Traceback" in said:
                command.ends["... with a traceback in the log of another program before it"] += 1
            command.ends[errors[0]] += 1

    def _dask(self, *arguments: str, machine: Machine | None = None) -> "subprocess.Popen[bytes]":
        folder = self.folder / "certificates"
        tls = ("--tls-ca-file", folder / "ca.pem", "--tls-cert", folder / "ca.pem", "--tls-key", folder / "key.pem")
        command = [sys.executable, "-m", "dask", *arguments, *(str(part) for part in tls)]
        log = self.folder / f"{'scheduler' if machine is None else machine.name}.out"
        if machine is not None:
            return machine.start(command, self._environment, log)
        with log.open("ab") as output:
            return subprocess.Popen(command, env=self._environment, cwd=self.folder, stdout=output, stderr=output)

    def machine_of(self, worker: str) -> Machine:
        """Return where a worker runs."""
        return next(machine for machine in self.machines if worker.startswith(f"{machine.name}-"))


def _read(process: Path, file: str) -> str:
    try:
        return (process / file).read_text(errors="replace")
    except OSError:
        return ""


def _parent(process: int) -> int:
    stat = _read(Path("/proc") / str(process), "stat")
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0
