"""The databases that are measured: SQLite files, and PostgreSQL as a province would run it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.engines import PostgresServer, find_postgres

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Engine:
    """One kind of database; `server` is where PostgreSQL listens."""

    name: str
    server: str = ""

    def fresh(self, folder: Path, name: str) -> str:
        """URL of a new database for this name."""
        if self.name == "sqlite":
            return f"sqlite:///{folder / name}.db"
        quoted = f"langnghe_bench_{name}".replace("-", "_")
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{quoted}" WITH (FORCE)')
            connection.execute(f"CREATE DATABASE \"{quoted}\" TEMPLATE template0 ENCODING 'UTF8'")
        address = self.server.partition("://")[2].rpartition("/")[0]
        return f"postgresql+psycopg://{address}/{quoted}"


@contextmanager
def engines() -> Iterator[list[Engine]]:
    """SQLite and PostgreSQL: TEST_DATABASE_URL, or a server of its own that waits for the disk."""
    server: PostgresServer = find_postgres(durable=True)
    try:
        if not server.url:
            sys.exit(f"PostgreSQL is needed to measure: {server.note}")
        yield [Engine("sqlite"), Engine("postgresql", server.url)]
    finally:
        server.stop()
