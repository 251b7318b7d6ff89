"""The check of a site: one small function on a worker of it."""

import os
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from al_core.config.site import AnySite
from al_core.errors import GraftError
from flows.doctor import Check
from flows.runtime.runner import make_runner

_PATIENCE_S = 300.0
_GPAW_GB = 2.0  # a core; a cell of 64 atoms takes 1.5


@dataclass(frozen=True)
class Seen:
    """What a worker found.

    Attributes:
        host: its machine.
        cores: that it may use.
        memory_GB: of its machine.
        folder: whether it sees a file of the folder that results go to.
    """

    host: str
    cores: int
    memory_GB: float
    folder: bool


def look(file: Path) -> Seen:
    """Return what this process sees; runs on a worker."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Seen(socket.gethostname(), len(os.sched_getaffinity(0)), memory, file.is_file())


def check_site(site: AnySite, folder: Path) -> list[Check]:
    """Check that labels can be computed at a site, with results in a folder."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="graft-doctor-", dir=folder) as probed:
        probe = Path(probed) / "probe"
        probe.touch()
        try:
            with make_runner(site, Path(probed)) as runner:
                seen = runner.submit(look, probe, dft=True).result(_PATIENCE_S)
                cores = runner.cores
        except GraftError as error:
            found, _, hint = str(error).partition("; ")
            return [Check(f"site {site.kind}", False, found, hint)]
        except TimeoutError:
            found = f"no worker has begun after {_PATIENCE_S / 60:g} minutes"
            return [Check(f"site {site.kind}", False, found, "look at the queue: the job waits, or has failed")]
    seconds = time.monotonic() - begin
    return [
        Check(f"site {site.kind}", True, f"{seen.host} answers after {seconds:.1f} s; up to {cores} cores at once"),
        _check_memory(seen),
        _check_folder(seen, folder),
    ]


def _check_memory(seen: Seen) -> Check:
    found = f"{seen.memory_GB:.0f} GB for {seen.cores} cores"
    enough = seen.memory_GB >= _GPAW_GB * seen.cores
    hint = "" if enough else f"GPAW takes up to {_GPAW_GB:g} GB a label: give workers fewer threads or more memory"
    return Check("memory", enough, found, hint)


def _check_folder(seen: Seen, folder: Path) -> Check:
    hint = "" if seen.folder else "labels and models are exchanged as files: choose a folder that all machines see"
    return Check("folder", seen.folder, f"{folder} is {'' if seen.folder else 'not '}there on {seen.host}", hint)
