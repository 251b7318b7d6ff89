"""A label store in one SQLite file, for the processes of one machine and its containers.

Locks are advisory locks on files beside it: ``labels.db.lock`` for every access, and one in ``labels.db.claims`` for
each label that is being computed. The kernel knows who holds them, whatever a machine or container is called and
whichever process ids it sees.
"""

import contextlib
import errno
import os
import socket
import sqlite3
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ase.db import connect

from al_core.errors import HESITATING, StoreError
from al_core.labels.databases.base import Claim, Database
from al_core.storage.files import atomic_path
from al_core.storage.locks import Holder, take

_NO_LOCKS = "give a folder on a local disk with --out, or a server with store: postgresql://user@host/name"
_FREE_SPACE = "free some space; the same command goes on from here"
_ADVICE = {
    sqlite3.SQLITE_BUSY: f"another program has it open, or the file system has no file locks: close it, or {_NO_LOCKS}",
    sqlite3.SQLITE_IOERR: f"the disk is full or broken, or the file system has no file locks: {_NO_LOCKS}",
    sqlite3.SQLITE_FULL: _FREE_SPACE,
}
_TRANSIENT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SQLiteFile(Database):
    """See :class:`Database`."""

    hint = "choose another --out"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claims = path.with_name(f"{path.name}.claims")

    def __str__(self) -> str:
        return str(self._path)

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        """See :class:`Database`."""
        with self._reported(), self._locked(), _connect(self._path) as db:
            yield db

    def make(self, metadata: dict[str, Any]) -> None:
        """See :class:`Database`. ASE makes its tables one by one, and a kill may come between them."""
        with self._reported():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_empty():
                with self._locked():
                    if self._is_empty():  # else another process was faster
                        with atomic_path(self._path) as temporary, _connect(temporary) as db:
                            db.metadata = metadata
            with contextlib.closing(sqlite3.connect(self._path)) as db:
                tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.refuse_foreign(tables)

    def _is_empty(self) -> bool:
        return not self._path.exists() or self._path.stat().st_size == 0

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            handle = open(f"{self._path}.lock", "w")  # noqa: SIM115 (closed below)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EROFS) or self._is_writable():
                raise
            yield  # a store that may only be read needs no lock: SQLite refuses to write it
            return
        with handle:
            take(handle, wait=True)
            yield

    def _is_writable(self) -> bool:
        return not self._path.exists() or os.access(self._path, os.W_OK)

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Raise what SQLite and the file system report as a StoreError that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            advice = _ADVICE.get(code, self.hint)
            raise StoreError(f"label store {self}: {error}; {advice}", transient=code in _TRANSIENT) from error
        except OSError as error:
            advice = _FREE_SPACE if error.errno in (errno.ENOSPC, errno.EDQUOT) else _NO_LOCKS
            transient = error.errno in HESITATING
            raise StoreError(f"label store {self}: {error}; {advice}", transient=transient) from error

    def claim(self) -> Claim:
        """See :class:`Database`."""
        with self._reported():
            self._claims.mkdir(exist_ok=True)
            return _FileClaim(self._claims / uuid.uuid4().hex)

    def is_held(self, owner: dict[str, Any] | str) -> bool:
        """See :class:`Database`."""
        if isinstance(owner, str):
            return _is_alive(owner)
        path = self._claims / owner["claim"]
        try:
            handle = path.open("r+")
        except FileNotFoundError:
            return False
        with handle:
            if not take(handle, wait=False):
                return True
            path.unlink(missing_ok=True)  # left by a process that was killed
            return False

    def index_names(self, db: Any) -> set[str]:
        """See :class:`Database`."""
        rows = db.connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
        return {name for (name,) in rows}

    def add_indexes(self, db: Any) -> None:
        """See :class:`Database`. A store that may only be read is read without them."""
        if self._is_writable():
            super().add_indexes(db)

    def text(self, column: str) -> str:
        """See :class:`Database`."""
        return f"json_extract(key_value_pairs, '$.{column}')"

    number = text


class _FileClaim:
    """A locked file of its own. The lock ends with this object, too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        self._close = weakref.finalize(self, os.close, file)
        take(file, wait=False)
        self.owner = {"claim": path.name, **Holder.me().to_dict()}

    def release(self) -> None:
        """See :class:`al_core.labels.databases.base.Claim`."""
        self._path.unlink(missing_ok=True)
        self._close()


def _connect(path: Path) -> Any:
    return connect(str(path), type="db", use_lock_file=False)


def _is_alive(owner: str) -> bool:
    """Return whether the owner ``host|pid|start`` of a row of before may live; one of another host's name may."""
    host, pid, start = owner.split("|")
    return (_process_start(int(pid)) == start != "") or host != socket.gethostname()


def _process_start(pid: int) -> str:
    """Return a mark of when a process started (so that a reused pid is not taken for it), or '' if there is none."""
    try:
        # field 22 of /proc/PID/stat; the command in parentheses may hold spaces. A zombie's work is over.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
