"""Commands that are killed with all their processes, and what each process of them computed, seen from outside."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.watching import WATCHING

ROOT = Path(__file__).resolve().parents[2]

_WATCH = """
import os, sys

def note(what):
    with open(os.environ["WATCH_LOG"], "a") as log:
        log.write(what + "\\n")

def watch_records(module):
    write = module.write_json
    def watched(path, *arguments, **named):
        write(path, *arguments, **named)
        note(f"wrote {path}")
    module.write_json = watched

def watch_training(module):
    train = module.train
    def watched(*arguments, **named):
        note("train")
        return train(*arguments, **named)
    module.train = watched

def watch_labels(module):
    from al_core.storage.hashing import structure_id
    label = module.StillingerWeberLabeler.label
    def watched(self, atoms, directory, rung):
        note("label " + structure_id(atoms))
        return label(self, atoms, directory, rung)
    module.StillingerWeberLabeler.label = watched

WATCHED |= {
    "al_core.storage.files": watch_records,
    "al_core.models.training.train": watch_training,
    "calculators.classical.stillinger_weber": watch_labels,
}
"""


@dataclass(frozen=True)
class Watched:
    """What the processes of the last run of a command did.

    Attributes:
        asked: structures whose labels Stillinger-Weber began to compute, as often as it did.
        trainings: how many trainings began; one is of a whole committee.
        wrote: JSON files that were written.
    """

    asked: tuple[str, ...]
    trainings: int
    wrote: tuple[Path, ...]


@dataclass(frozen=True)
class Command:
    """A command of ``graft`` with ``--out out``, run in a folder of its own with a home of Prefect's.

    Attributes:
        home: the folder.
        arguments: of the command.
        settings: changed in its config.
        patience_s: after which a test gives up.
    """

    home: Path
    arguments: Sequence[str]
    settings: Mapping[str, str]
    patience_s: float = 300

    @property
    def out(self) -> Path:
        """Where its results go."""
        return self.home / "out"

    def kill_when(self, reached: Callable[[], bool]) -> Watched:
        """Run it, and kill it as soon as something is so."""
        deadline = time.monotonic() + self.patience_s
        with self._running() as process:
            while not reached():
                assert process.poll() is None, f"it ended before it could be killed:\n{self._log.read_text()}"
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.02)
        return self._watched()

    def finish(self) -> Watched:
        """Run it to its end."""
        with self._running() as process:
            assert process.wait(self.patience_s) == 0, self._log.read_text()
        return self._watched()

    @property
    def _log(self) -> Path:
        return self.home / "log"

    def _watched(self) -> Watched:
        lines = [line.partition(" ") for line in (self.home / "watched").read_text().splitlines()]
        return Watched(
            tuple(name for what, _, name in lines if what == "label"),
            sum(what == "train" for what, _, _ in lines),
            tuple(Path(name) for what, _, name in lines if what == "wrote"),
        )

    @contextlib.contextmanager
    def _running(self) -> Iterator[subprocess.Popen[str]]:
        """Run it while the block lasts; its whole process tree is killed with the block."""
        (self.home / "watch").mkdir(exist_ok=True)
        (self.home / "watch" / "sitecustomize.py").write_text(WATCHING + _WATCH)
        (self.home / "watched").write_text("")
        env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")} | {
            "NO_PROXY": "127.0.0.1,localhost",
            "PREFECT_HOME": str(self.home / "prefect"),
            "PYTHONPATH": f"{self.home / 'watch'}{os.pathsep}{ROOT}",
            "WATCH_LOG": str(self.home / "watched"),
        }
        changes = [part for key, value in self.settings.items() for part in ("--set", f"{key}={value}")]
        command = [sys.executable, "-m", "flows.cli", *self.arguments, "--out", "out", *changes]
        with self._log.open("a") as log:
            process = subprocess.Popen(command, cwd=self.home, env=env, stdout=log, stderr=log, text=True)
        try:
            yield process
        finally:
            if process.poll() is None:
                for pid in _tree(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            process.wait()


def _tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    tree = [pid]
    for one in tree:
        tree += children.get(one, [])
    return tree
