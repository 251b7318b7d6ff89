"""Where the rows of a label store live: in one SQLite file, or on a PostgreSQL server.

Both give the same two things beside ASE's data base. Every access is alone: an advisory lock is held on a file beside
the SQLite file, or on the server. And everybody can tell whether the owner of a row lives: the processes of a machine
see each other, and on a server each process holds a lock of its own for as long as it lives. The kernel or the server
drops the locks of a killed process, so that no stale lock can be left behind.
"""

import contextlib
import fcntl
import os
import re
import socket
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ase.db import connect

from al_core.errors import StoreError
from al_core.storage.files import atomic_path

_URL = re.compile(r"^postgres(ql)?://")
_CLASS = 0x47524146  # of Graft's advisory locks on a server ("GRAF"); 0 is the store's, others are owners'


class Database(Protocol):
    """An ASE data base that several processes write."""

    @property
    def mend(self) -> str:
        """What to do where it cannot be used."""

    def open(self) -> contextlib.AbstractContextManager[Any]:
        """Open it, for this process and thread alone."""

    def make(self, metadata: dict[str, Any]) -> None:
        """Make it, complete or not at all, where there is none.

        Raises:
            StoreError: it is of another program, or cannot be used.
        """

    def me(self) -> str:
        """Return the mark of this process as an owner of rows."""

    def is_alive(self, owner: str) -> bool:
        """Return whether the process of this mark lives."""


def database(where: Path | str) -> Database:
    """Return the data base of a path or of a ``postgresql://user@host/name`` URL."""
    return PostgreSQL(str(where)) if is_url(where) else SQLiteFile(Path(where))


def _refuse_foreign(database: Database, tables: set[str]) -> None:
    """Raise if there are tables of another program, which ASE would put its own beside."""
    if tables and "systems" not in tables:
        names = ", ".join(sorted(tables))
        raise StoreError(f"{database} is a data base of another program (tables: {names}); {database.mend}")


def is_url(where: Path | str) -> bool:
    """Return whether this names a data base on a server."""
    return bool(_URL.match(str(where)))


def without_password(url: str) -> str:
    """Return a URL as it may be shown."""
    return re.sub(r"^(\w+://[^:/@]+):[^@]*@", r"\1:***@", url)


class SQLiteFile:
    """One file, for the processes of one machine; see :class:`Database`."""

    mend = "choose another --out"

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            handle = open(f"{self._path}.lock", "w")  # noqa: SIM115 (closed below)
        except OSError as error:
            raise StoreError(f"label store {self}: {error}; give another place with --out") from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        """See :class:`Database`."""
        with self._locked(), _connect(self._path) as db:
            yield db

    def make(self, metadata: dict[str, Any]) -> None:
        """See :class:`Database`. ASE makes its tables one by one, and a kill may come between them."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_empty():
                with self._locked():
                    if self._is_empty():  # else another process was faster
                        with atomic_path(self._path) as temporary, _connect(temporary) as db:
                            db.metadata = metadata
            _refuse_foreign(self, self._tables())
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"label store {self}: {error}; give another place with --out") from error

    def _is_empty(self) -> bool:
        return not self._path.exists() or self._path.stat().st_size == 0

    def _tables(self) -> set[str]:
        with contextlib.closing(sqlite3.connect(self._path)) as db:
            return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def me(self) -> str:
        """See :class:`Database`."""
        return f"{socket.gethostname()}|{os.getpid()}|{_process_start(os.getpid())}"

    def is_alive(self, owner: str) -> bool:
        """See :class:`Database`."""
        host, pid, start = owner.split("|")
        if host != socket.gethostname():
            return True  # another machine's process cannot be looked at: its reservation is respected
        return _process_start(int(pid)) == start != ""


def _connect(path: Path) -> Any:
    return connect(str(path), type="db", use_lock_file=False)


def _process_start(pid: int) -> str:
    """Return a mark of when a process started (so that a reused pid is not taken for it), or '' if there is none."""
    try:
        # field 22 of /proc/PID/stat; the command in parentheses may hold spaces. A zombie's work is over.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


class PostgreSQL:
    """A data base on a server, for the processes of many machines; see :class:`Database`."""

    mend = "choose another data base (store)"

    def __init__(self, url: str) -> None:
        self._url = url

    def __str__(self) -> str:
        return without_password(self._url)

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        """See :class:`Database`."""
        with self._told(), _Session.of(self._url).locked():
            db = connect(self._url, type="postgresql", use_lock_file=False)
            db.__enter__()
            try:
                yield db
            except BaseException:
                db.connection.con.rollback()  # its own __exit__ cannot: ase-db-backends 0.11
                raise
            finally:
                db.__exit__(None, None, None)

    def make(self, metadata: dict[str, Any]) -> None:
        """See :class:`Database`."""
        with self._told():
            found = _Session.of(self._url).ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        tables = {name for (name,) in found}
        _refuse_foreign(self, tables)
        with self.open() as db:
            if not db.metadata and db.count() == 0:
                db.metadata = metadata

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Raise what the server says as a StoreError."""
        import psycopg2

        try:
            yield
        except psycopg2.Error as error:
            raise StoreError(f"label store {self}: {' '.join(str(error).split())}") from error

    def me(self) -> str:
        """See :class:`Database`."""
        return f"{socket.gethostname()}|{os.getpid()}|{_Session.of(self._url).number}"

    def is_alive(self, owner: str) -> bool:
        """See :class:`Database`."""
        number = owner.split("|")[2]
        held = _Session.of(self._url).ask(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s AND objid::bigint = %s",
            _CLASS,
            int(number),
        )
        return bool(held)


class _Session:
    """This process's connection to a server, open as long as it lives, with the lock that says so.

    Attributes:
        number: of that lock.
    """

    _all: dict[tuple[int, str], "_Session"] = {}  # noqa: RUF012 (one for all)
    _making = threading.Lock()

    def __init__(self, url: str) -> None:
        import psycopg2

        self._connection = psycopg2.connect(url, keepalives_idle=30, keepalives_interval=10, keepalives_count=3)
        self._connection.autocommit = True
        self._alone = threading.Lock()
        self.number = uuid.uuid4().int % (2**31 - 1) + 1
        self.ask("SELECT pg_advisory_lock(%s, %s)", _CLASS, self.number)

    @classmethod
    def of(cls, url: str) -> "_Session":
        """Return the session of this process; a new one where the server has closed it."""
        with cls._making:
            session = cls._all.get((os.getpid(), url))
            if session is None or session._connection.closed:
                session = cls._all[os.getpid(), url] = cls(url)
            return session

    def ask(self, statement: str, *values: int) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other thread and process out."""
        with self._alone:  # the server takes the threads of a session for one
            self.ask("SELECT pg_advisory_lock(%s, 0)", _CLASS)
            try:
                yield
            finally:
                self.ask("SELECT pg_advisory_unlock(%s, 0)", _CLASS)
