"""Advisory locks on files. The kernel drops a lock with its process, so that no stale one can be left behind."""

import contextlib
import fcntl
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from al_core.errors import ConfigError

FOLDER_LOCK = "study.lock"


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, for people to read; whether it still does is asked of the lock.

    Attributes:
        host: name of the machine or container.
        pid: process id there.
        command: the process's command line.
        since: time with its zone, ``2026-11-25T13:05:12+00:00``.
    """

    host: str
    pid: int
    command: str
    since: str

    @classmethod
    def me(cls) -> "Holder":
        """Return this process, since now."""
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        return cls(
            socket.gethostname(), os.getpid(), command, datetime.now().astimezone().isoformat(timespec="seconds")
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Holder":
        """Return it from what :meth:`to_dict` gave, whatever else is beside it."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def __str__(self) -> str:
        return f"{self.command!r}, process {self.pid} on {self.host}, since {self.since}"

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def take(file: IO[Any] | int, *, wait: bool) -> bool:
    """Lock an open file exclusively; closing it unlocks it.

    Returns:
        False if another open file holds the lock and ``wait`` is false.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise OSError(error.errno, f"the file system has no file locks here ({error.strerror})") from error
    return True


@contextlib.contextmanager
def folder_lock(folder: Path, what: str) -> Iterator[None]:
    """Let no other command write into a folder meanwhile. The folder is made if there is none.

    Args:
        folder: the folder.
        what: what goes on in it, such as ``a study``; shown to whoever comes second.

    Raises:
        ConfigError: another command, or another thread, holds it; or the folder cannot be locked.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = stack.enter_context((folder / FOLDER_LOCK).open("a+", encoding="utf-8"))
            if not take(handle, wait=False):
                raise ConfigError(_held(folder, handle))
            handle.truncate(0)
            handle.write(json.dumps({"what": what, **Holder.me().to_dict()}))
            handle.flush()
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot be locked against other commands: {error}; choose another --out, on a local disk"
            ) from error
        yield


def who_holds(folder: Path) -> Holder | None:
    """Return who works in a folder (:func:`folder_lock`), None where nobody does."""
    try:
        with (folder / FOLDER_LOCK).open("r+", encoding="utf-8") as handle:
            if take(handle, wait=False):
                return None
            return Holder.from_dict(json.loads(handle.read()))
    except (OSError, ValueError):  # there is no lock, or it is being written
        return None


def _held(folder: Path, handle: IO[str]) -> str:
    """Return who holds a folder, and what to do."""
    handle.seek(0)
    text = handle.read()
    if not text:  # it has not yet written into the file
        return f"another command is running in {folder}; wait for its end or choose another --out"
    holder = json.loads(text)
    who = Holder.from_dict(holder)
    return f"{holder['what']} is running in {folder} ({who}); wait for its end or choose another --out"
