"""What a label store needs of a data base, beside ASE's own interface.

Every access is exclusive, and everybody can tell whether a label is still being computed: a claim is a lock that is
held while the label is computed. The kernel or the server drops it with its process, so that no stale one can be left
behind; neither process ids nor names of machines are compared.
"""

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from al_core.errors import StoreError

_URL = re.compile(r"^postgres(ql)?://")

# rows are written by id, and ASE has no index on it in the tables beside its own
_BY_ID = {f"graft_{table}_id": f"{table}(id)" for table in ("species", "keys", "text_key_values", "number_key_values")}


class Claim(Protocol):
    """The lock of a label that is being computed."""

    @property
    def owner(self) -> dict[str, Any]:
        """What the label's row tells of it, JSON-ready: its id in ``claim``, and who holds it."""

    def release(self) -> None:
        """Drop the lock."""


class Database(ABC):
    """An ASE data base that several processes write."""

    hint: str
    """What to do where it cannot be used."""

    @abstractmethod
    def open(self) -> contextlib.AbstractContextManager[Any]:
        """Open it exclusively; what the block writes is written when it ends, or not at all if it raises.

        Raises:
            StoreError: it cannot be opened, read or written.
        """

    @abstractmethod
    def make(self, metadata: dict[str, Any]) -> None:
        """Make it, complete or not at all, where there is none.

        Raises:
            StoreError: it is of another program, or cannot be used.
        """

    @abstractmethod
    def claim(self) -> Claim:
        """Return a new claim, held by this process until it is released."""

    @abstractmethod
    def is_held(self, owner: dict[str, Any] | str) -> bool:
        """Return whether a claim is held; call it in :meth:`open`. Stores of before have text for owners."""

    @abstractmethod
    def index_names(self, db: Any) -> set[str]:
        """Return the names of the indexes that an opened data base has."""

    @abstractmethod
    def text(self, column: str) -> str:
        """Return the SQL of a text column; NULL in rows without it."""

    @abstractmethod
    def number(self, column: str) -> str:
        """Return the SQL of a number's column; NULL in rows without it."""

    def page(self, db: Any, after: int, number: int) -> list[int]:
        """Return the ids of the next so many labels whose ids are beyond ``after``, oldest first."""
        cursor = db.connection.cursor()
        wanted = f"id > ? AND {self.text('label_key')} IS NOT NULL"
        cursor.execute(f"SELECT id FROM systems WHERE {wanted} ORDER BY id LIMIT ?", (after, number))  # noqa: S608 (our names)
        return [found for (found,) in cursor.fetchall()]

    def levels(self, db: Any) -> list[tuple[str, int, float, int]]:
        """Return of each level of theory its name, its finished labels, their core-seconds, and the id of the first."""
        level, seconds = self.text("level"), self.number("core_seconds")
        cursor = db.connection.cursor()
        cursor.execute(
            f"SELECT {level}, COUNT(*), SUM({seconds}), MIN(id) FROM systems"  # noqa: S608 (our names)
            f" WHERE {self.text('state')} = 'done' GROUP BY {level} ORDER BY MIN(id)"
        )
        return [(name, count, spent, first) for name, count, spent, first in cursor.fetchall()]

    def ids(
        self, db: Any, equal: Mapping[str, str], between: Mapping[str, tuple[float, float]] | None = None
    ) -> list[int]:
        """Return the ids of the rows whose columns have these values, or lie in these ranges; oldest first."""
        conditions, values = [f"{self.text(name)} = ?" for name in equal], list[Any](equal.values())
        for name, bounds in (between or {}).items():
            conditions.append(f"{self.number(name)} BETWEEN ? AND ?")
            values.extend(bounds)
        cursor = db.connection.cursor()
        cursor.execute(f"SELECT id FROM systems WHERE {' AND '.join(conditions)} ORDER BY id", values)  # noqa: S608 (our names)
        return [number for (number,) in cursor.fetchall()]

    def add_indexes(self, db: Any) -> None:
        """Add the indexes that an opened data base lacks, so that no look-up grows with it.

        Raises:
            StoreError: a label stands in it twice.
        """
        missing = {name: on for name, on in self._indexes().items() if name not in self.index_names(db)}
        if "graft_label_key" in missing:
            self._refuse_twice(db)
        cursor = db.connection.cursor()
        for name, on in missing.items():
            cursor.execute(f"CREATE {'UNIQUE ' if name == 'graft_label_key' else ''}INDEX {name} ON {on}")

    def _indexes(self) -> dict[str, str]:
        alike = [self.text("level"), self.text("composition"), self.number("atom_volume"), self.number("packing")]
        columns = {
            "graft_label_key": [self.text("label_key")],
            "graft_attempt_of": [self.text("attempt_of")],
            "graft_equivalent": alike,
        }
        by_value = {name: f"systems({', '.join(f'({one})' for one in of)})" for name, of in columns.items()}
        return by_value | _BY_ID

    def _refuse_twice(self, db: Any) -> None:
        key = self.text("label_key")
        cursor = db.connection.cursor()
        cursor.execute(f"SELECT {key} FROM systems GROUP BY {key} HAVING COUNT({key}) > 1")  # noqa: S608 (our names)
        twice = [name for (name,) in cursor.fetchall()]
        if twice:
            raise StoreError(
                f"label {twice[0]} stands more than once in {self}, and {len(twice) - 1} other labels; delete all rows "
                f"of it but one (ase db {self} label_key={twice[0]} shows them)"
            )

    def refuse_foreign(self, tables: set[str]) -> None:
        """Raise if there are tables of another program, which ASE would put its own beside."""
        if tables and "systems" not in tables:
            names = ", ".join(sorted(tables))
            raise StoreError(f"{self} is a data base of another program (tables: {names}); {self.hint}")


def is_url(where: Path | str) -> bool:
    """Return whether this names a data base on a server."""
    return bool(_URL.match(str(where)))


def without_password(url: str) -> str:
    """Return a URL as it may be shown."""
    return re.sub(r"^(\w+://[^:/@]+):[^@]*@", r"\1:***@", url)
