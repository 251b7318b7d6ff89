"""Where the rows of a label store live: in one SQLite file, or on a PostgreSQL server."""

from pathlib import Path

from al_core.labels.databases.base import Database, is_url
from al_core.labels.databases.postgresql import PostgreSQL
from al_core.labels.databases.sqlite import SQLiteFile

__all__ = ["Database", "database", "is_url"]


def database(where: Path | str) -> Database:
    """Return the data base of a path or of a ``postgresql://user@host/name`` URL."""
    return PostgreSQL(str(where)) if is_url(where) else SQLiteFile(Path(where))
