"""Many processes of two machines label one batch while they are killed at random."""

import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from al_core.config.labelers import StillingerWeberLabeler
from al_core.labels.store import LabelStore
from al_core.storage.hashing import label_key, structure_id
from calculators.base import make_labeler

ROOT = Path(__file__).resolve().parents[2]
STRUCTURES, WORKERS, KILLS = 200, 4, 10

# a machine is its name: the processes of a server's store are told apart by it, those of a file's are of one machine
WORKER = """
import os, random, socket, sys, time
from pathlib import Path
from ase.io import read
from al_core.config.labelers import StillingerWeberLabeler
from al_core.labels.obtaining import obtain_label
from al_core.labels.store import LabelStore
from calculators.classical.stillinger_weber import StillingerWeberLabeler as Labeler

batch, where, files, machine = sys.argv[1:]
if machine: socket.gethostname = lambda: machine

class Watched(Labeler):
    def label(self, atoms, directory, rung=0):
        with open(Path(files) / f"started-{os.getpid()}", "a") as file:
            file.write(directory.parts[len(Path(files).parts)] + "\\n")
        time.sleep(0.05)  # as long as it takes to be killed in
        return super().label(atoms, directory, rung)

structures = read(batch, ":")
random.shuffle(structures)
print("ready", flush=True)
while not Path(files, "go").exists():
    time.sleep(0.01)
for atoms in structures:
    obtained = obtain_label(LabelStore(where), Watched(StillingerWeberLabeler()), atoms, Path(files))
    assert obtained.entry.label is not None
"""


def _wait_for_a_label(started: Path) -> None:
    """Wait until a worker begins with a label, half a second at most: it may have none left."""
    before, end = started.read_text() if started.exists() else "", time.monotonic() + 0.5
    while time.monotonic() < end and (started.read_text() if started.exists() else "") == before:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "server"])
def test_200_labels_are_computed_once_whoever_is_killed(
    tmp_path: Path, crystals: Any, kind: str, request: pytest.FixtureRequest
) -> None:
    batch: list[Atoms] = crystals("Ge", STRUCTURES, seed=3)
    write(tmp_path / "batch.extxyz", batch)
    batch = read(tmp_path / "batch.extxyz", ":")
    where = tmp_path / "labels.db" if kind == "file" else request.getfixturevalue("postgres")
    files = tmp_path / "labels"
    files.mkdir()
    machines = itertools.cycle(["", ""] if kind == "file" else ["left", "right"])

    def start() -> subprocess.Popen[str]:
        arguments = [str(tmp_path / "batch.extxyz"), str(where), str(files), next(machines)]
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, *arguments],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    chance, killed = random.Random(0), 0
    workers = [start() for _ in range(WORKERS)]
    try:
        for worker in workers:
            assert worker.stdout.readline() == "ready\n", worker.stderr.read()
        (files / "go").touch()  # all at once, however long each took to start
        ready = set(workers)
        while killed < KILLS:
            victim = chance.randrange(WORKERS)
            if workers[victim] not in ready:
                assert workers[victim].stdout.readline() == "ready\n", workers[victim].stderr.read()
            time.sleep(chance.uniform(0.05, 0.6))
            _wait_for_a_label(files / f"started-{workers[victim].pid}")
            if workers[victim].poll() is None:
                workers[victim].kill()
                killed += 1
            workers[victim].communicate()
            workers[victim] = start()
        errors = [worker.communicate(timeout=300)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert [worker.returncode for worker in workers] == [0] * WORKERS, errors

    store, labeler = LabelStore(where), make_labeler(StillingerWeberLabeler())
    entries = {entry.key: entry for entry in store.entries()}
    assert len(store.entries()) == len(entries) == STRUCTURES, "a label stands there twice, or is lost"
    started = Counter(line for file in files.glob("started-*") for line in file.read_text().split())
    again = 0
    for atoms in batch:
        entry = entries[label_key(structure_id(atoms), labeler.identity())]
        assert entry.state == "done"
        expected = labeler.label(atoms, tmp_path)
        assert entry.label.energy == pytest.approx(expected.energy, abs=1e-9)
        np.testing.assert_allclose(entry.label.forces, expected.forces, atol=1e-9)
        cut = store.attempts(entry.key)
        assert all("was killed" in attempt.cause for attempt in cut)
        assert 1 <= started[entry.key] <= 1 + len(cut), "a finished label was computed again"
        again += len(cut)
    assert again > 0, "nobody was killed while it computed: nothing was tested"


@pytest.mark.slow
def test_the_temporary_server_of_a_killed_study_ends_outside_a_checkout_too(tmp_path: Path) -> None:
    """There is no ``pyproject.toml`` that switches Prefect's plugins on."""
    command = [str(Path(sys.executable).with_name("graft")), "demo", "--out", "out"]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    for name in ("PREFECT_API_URL", "PREFECT_PLUGINS_ENABLED", "PREFECT_PLUGINS_ALLOW"):
        environment.pop(name, None)
    study = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    owner = f"GRAFT_PROCESS={study.pid}"
    _until(lambda: any("uvicorn" in _read(process, "cmdline") for process in _with(owner)), "the server starts")
    study.kill()
    study.wait()
    _until(lambda: not _with(owner), "the server has ended, and the workers")


def _with(variable: str) -> list[Path]:
    """Return the processes with this variable in their environment."""
    return [one for one in Path("/proc").glob("[0-9]*") if variable in _read(one, "environ").split("\0")]


def _read(process: Path, file: str) -> str:
    try:
        return (process / file).read_text(errors="replace")
    except OSError:  # it has ended
        return ""


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, f"expected that {what}"
        time.sleep(0.2)
