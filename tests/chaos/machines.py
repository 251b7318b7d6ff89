"""Machines of their own on this one: each a network namespace with an address, a name, a clock and a switch."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_NETWORK = "10.213.7"
_BRIDGE = "graft-chaos"
NETWORK, HOST = f"{_NETWORK}.0/24", f"{_NETWORK}.1"


def why_not() -> str:
    """Return why there can be none here, '' if there can."""
    if os.geteuid() != 0:
        return "machines of their own are made by root"
    if missing := [name for name in ("ip", "unshare", "nsenter", "mount") if shutil.which(name) is None]:
        return f"no {', '.join(missing)}: apt-get install iproute2 util-linux mount"
    probe = "ip netns add graft-probe && ip netns del graft-probe && unshare --uts true"
    if failed := subprocess.run(["sh", "-c", probe], capture_output=True, text=True, check=False).stderr:
        return f"no network namespaces: {failed.strip()}"
    return ""


@dataclass(frozen=True)
class Machine:
    """One machine.

    Attributes:
        name: that programs started there find.
        address: of it; :data:`HOST` is this machine's in the same network.
        folder: of its own.
    """

    name: str
    address: str
    folder: Path

    def start(self, command: Sequence[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """Start a program there, in a process group of its own."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name, *command]
        with log.open("ab") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *named],
                env=environment | {"CHAOS_CLOCK": str(self._clock)},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def rename(self, process: int, name: str) -> None:
        """Change the machine's name under a running program."""
        subprocess.run(["nsenter", f"--target={process}", "--uts", "hostname", name], check=False, capture_output=True)

    def set_clock(self, ahead: float) -> None:
        """Set the clock that Python's programs there read, so many seconds ahead."""
        self._clock.write_text(str(ahead))

    def cut_off(self, seconds: float) -> None:
        """Pull its network cable for so many seconds."""
        _ip("link", "set", self._cable, "down")
        time.sleep(seconds)
        _ip("link", "set", self._cable, "up")

    @property
    def _clock(self) -> Path:
        return self.folder / "clock"

    @property
    def _cable(self) -> str:
        return f"gc{self.address.rpartition('.')[2]}"


@contextlib.contextmanager
def machines(folder: Path, names: Sequence[str]) -> Iterator[list[Machine]]:
    """Make machines that reach each other and this one; end them with the block."""
    made: list[Machine] = []
    _remove(names)  # of a run that was killed
    try:
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{HOST}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for number, name in enumerate(names, 2):
            machine = Machine(name, f"{_NETWORK}.{number}", folder / name)
            machine.folder.mkdir()
            machine.set_clock(0)
            made.append(machine)
            _ip("netns", "add", name)
            _ip("link", "add", machine._cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", machine._cable, "master", _BRIDGE, "up")
            for words in (("addr", "add", f"{machine.address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
                _ip("-n", name, *words)
            _ip("-n", name, "link", "set", "lo", "up")
        yield made
    finally:
        _remove(names)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of so many megabytes on a folder while the block lasts."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}M", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _remove(names: Sequence[str]) -> None:
    for name in names:
        _ip("netns", "del", name, check=False)
    _ip("link", "del", _BRIDGE, check=False)


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)
