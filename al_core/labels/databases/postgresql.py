"""A label store on a PostgreSQL server, for the processes of many machines.

Locks are the server's advisory locks, held by a session that each process keeps open. A restart of the server, or a
broken connection, drops them while the labels are still being computed: the session comes back and takes them again,
and until it had the time to, nobody takes a label over.
"""

import contextlib
import os
import select
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from ase.db import connect

from al_core.errors import StoreError
from al_core.labels.databases.base import Claim, Database, without_password
from al_core.storage.locks import Holder

_CLASS = 0x47524146  # of Graft's advisory locks on a server ("GRAF"); 0 is the store's, others are claims
_LOOK_EVERY_S = 0.5  # at the connection, while labels are being computed,
_ASK_EVERY_S = 10.0  # and at whether the server answers
_RECONNECT_WITHIN_S = 60.0
# the first characters of SQLSTATE: connection lost, server stopped or starting, deadlock, locked, too many clients
_TRANSIENT = ("08", "57P", "40", "55P", "53300")
_GRACE_S = _RECONNECT_WITHIN_S + 2 * _ASK_EVERY_S


class PostgreSQL(Database):
    """See :class:`Database`."""

    hint = "choose another data base (store)"

    def __init__(self, url: str) -> None:
        self._url = url

    def __str__(self) -> str:
        return without_password(self._url)

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        """See :class:`Database`."""
        with self._reported(), Session.of(self._url).locked():
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
        with self._reported():
            found = Session.of(self._url).ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        self.refuse_foreign({name for (name,) in found})
        with self.open() as db:
            if not db.metadata and db.count() == 0:
                db.metadata = metadata

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Raise what the server reports as a StoreError."""
        import psycopg2

        try:
            yield
        except psycopg2.Error as error:
            message = f"label store {self}: {' '.join(str(error).split())}"
            raise StoreError(message, transient=_may_pass(error)) from error

    def claim(self) -> Claim:
        """See :class:`Database`."""
        with self._reported():
            return _ServerClaim(Session.of(self._url))

    def is_held(self, owner: dict[str, Any] | str) -> bool:
        """See :class:`Database`. Owners of before, ``host|pid|number``, held one lock for all their labels."""
        if isinstance(owner, str):
            owner = {"claim": int(owner.split("|")[2]), "at": float("inf")}
        session = Session.of(self._url)
        ((held, coming_back),) = session.ask(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s"
            " AND objid::bigint = %s AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),"
            " extract(epoch FROM pg_postmaster_start_time())"
            " > greatest(%s, extract(epoch FROM clock_timestamp()) - %s)",
            *(_CLASS, owner["claim"], owner["at"], _GRACE_S),
        )
        return bool(held or coming_back or session.is_new_again())

    def index_names(self, db: Any) -> set[str]:
        """See :class:`Database`."""
        cursor = db.connection.cursor()
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
        return {name for (name,) in cursor.fetchall()}

    def text(self, column: str) -> str:
        """See :class:`Database`."""
        return f"(key_value_pairs ->> '{column}')"

    def number(self, column: str) -> str:
        """See :class:`Database`."""
        return f"((key_value_pairs ->> '{column}')::double precision)"


def _may_pass(error: Any) -> bool:
    """Return whether an error of the server or of the connection to it may pass; a lost connection has no code."""
    import psycopg2

    if error.pgcode:
        return str(error.pgcode).startswith(_TRANSIENT)
    lost = type(error) is psycopg2.DatabaseError  # "server closed the connection unexpectedly"
    return lost or isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))


class _ServerClaim:
    """An advisory lock of the server."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._number = uuid.uuid4().int % (2**31 - 1) + 1
        self.owner = {"claim": self._number, "at": session.hold(self._number), **Holder.me().to_dict()}

    def release(self) -> None:
        """See :class:`al_core.labels.databases.base.Claim`. Without a connection the server has freed it already."""
        import psycopg2

        with contextlib.suppress(psycopg2.Error):
            self._session.drop(self._number)


class Session:
    """This process's connection to a server, open as long as it lives, with the locks of its claims.

    A thread looks after it while there are claims, for a calculation can take an hour without a word to the server.
    """

    _all: dict[tuple[int, str], "Session"] = {}  # noqa: RUF012 (one for all)
    _making = threading.Lock()

    def __init__(self, url: str) -> None:
        self._url = url
        self._claims: set[int] = set()
        self._again_since = -float("inf")
        self._talking = threading.RLock()
        self._exclusive = threading.Lock()
        self._connect()
        threading.Thread(target=self._look_after, daemon=True, name="label-store-session").start()

    @classmethod
    def of(cls, url: str) -> "Session":
        """Return the session of this process."""
        with cls._making:
            return cls._all.get((os.getpid(), url)) or cls._all.setdefault((os.getpid(), url), cls(url))

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query; ask again where the connection turns out to be broken."""
        import psycopg2

        with self._talking:
            try:
                return self._ask(statement, *values)
            except (psycopg2.DatabaseError, psycopg2.InterfaceError) as error:
                # what the server says has a code; psycopg does not always know that a connection without one is lost
                if error.pgcode and not self._connection.closed:
                    raise
                self._connection.close()  # or its locks would be waited for
                self._come_back()
                return self._ask(statement, *values)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other thread and process out."""
        with self._exclusive:  # the server takes the threads of a session for one
            self.ask("SELECT pg_advisory_lock(%s, 0)", _CLASS)
            try:
                yield
            finally:
                self.ask("SELECT pg_advisory_unlock(%s, 0)", _CLASS)

    def hold(self, number: int) -> float:
        """Take the lock of a claim; return the server's time, seconds since 1970."""
        with self._talking:
            ((now, _),) = self.ask(
                "SELECT extract(epoch FROM clock_timestamp())::double precision, pg_advisory_lock(%s, %s)",
                *(_CLASS, number),
            )
            self._claims.add(number)
            return float(now)

    def drop(self, number: int) -> None:
        """Drop the lock of a claim."""
        with self._talking:
            self._claims.discard(number)
            self.ask("SELECT pg_advisory_unlock(%s, %s)", _CLASS, number)

    def is_new_again(self) -> bool:
        """Return whether the connection was broken and has only just come back."""
        return time.monotonic() - self._again_since < _GRACE_S

    def _connect(self) -> None:
        import psycopg2

        self._connection = psycopg2.connect(self._url, keepalives_idle=30, keepalives_interval=10, keepalives_count=3)
        self._connection.autocommit = True
        for number in self._claims:
            self._ask("SELECT pg_advisory_lock(%s, %s)", _CLASS, number)

    def _ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def _come_back(self) -> None:
        """Connect again, also to a server that needs a moment to start."""
        import psycopg2

        deadline = time.monotonic() + _RECONNECT_WITHIN_S
        while True:
            try:
                self._connect()
                break
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        self._again_since = time.monotonic()

    def _look_after(self) -> None:
        import psycopg2

        asked = time.monotonic()
        while True:
            time.sleep(_LOOK_EVERY_S)
            # a server that stays away is reported by whoever needs it
            with self._talking, contextlib.suppress(psycopg2.Error):
                if self._claims and (self._was_ended() or time.monotonic() - asked > _ASK_EVERY_S):
                    self.ask("SELECT 1")
                    asked = time.monotonic()

    def _was_ended(self) -> bool:
        """Return whether the server ended the connection: something can be read from it, and nothing was asked."""
        import psycopg2

        try:
            return bool(select.select([self._connection], [], [], 0)[0])
        except (psycopg2.InterfaceError, OSError, ValueError):
            return True
