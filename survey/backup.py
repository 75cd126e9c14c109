"""Backups of the whole database, verified by the row count and digest of every table.

A backup is one file beside its manifest (`<file>.json`), both taken from the same snapshot. SQLite
is copied by VACUUM INTO, PostgreSQL by pg_dump under an exported snapshot.
"""

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

from sqlalchemy import URL, Connection, create_engine, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, ProgrammingError
from sqlalchemy.orm import Session

from survey.crypto import keys
from survey.errors import Invalid, Refused
from survey.settings import Settings

OWNER_ONLY = 0o600
# How long a restore waits for a table that a running server has locked.
LOCK_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Contents:
    """Row count of a table and the sum of the SHA-256 digests of its rows, modulo 2**256.

    The sum does not depend on the order of the rows.
    """

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Engine, time and tables of a backup."""

    engine: str
    taken_at: str
    tables: dict[str, Contents]

    def differences(self, other: "Manifest") -> list[str]:
        """Names of the tables that are missing in one of the two manifests or differ."""
        names = sorted({*self.tables, *other.tables})
        return [name for name in names if self.tables.get(name) != other.tables.get(name)]


def take(engine: Engine, target: Path, now: datetime) -> Manifest:
    """Back the database up to `target` and write the manifest beside it; no file is overwritten.

    Refused `backup_exists`, `tool_missing` or `backup_failed`; Invalid `cannot_write` when the
    folder cannot be written.
    """
    if target.exists():
        raise Refused("backup_exists", str(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=OWNER_ONLY)
    except OSError as fault:
        raise Invalid("cannot_write", f"{target.parent}: {fault.strerror}") from fault
    try:
        copy = _copy_sqlite if engine.dialect.name == "sqlite" else _copy_postgres
        manifest = copy(engine, target, now)
    except BaseException:
        target.unlink()  # a partial backup is useless, and the next attempt needs its name
        raise
    _manifest_path(target).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    return manifest


def _copy_sqlite(engine: Engine, target: Path, now: datetime) -> Manifest:
    """Copy the database by VACUUM INTO, which writes every row anew in the order of its key.

    A copy of the pages would keep the order in which answers came, and remains of erased rows.
    """
    with engine.connect() as connection:
        _driver(connection).execute("VACUUM INTO ?", (str(target),))
    return _read_sqlite(target, target, now)


def _copy_postgres(engine: Engine, target: Path, now: datetime) -> Manifest:
    with engine.connect() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        options = ["--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={target}"]
        _run(["pg_dump", *options], engine.url)
        return read(connection, now)


def check(engine: Engine, settings: Settings, source: Path, now: datetime) -> list[str]:
    """Restore a backup into a temporary database; return the tables that differ from the manifest.

    Invalid `backup_unreadable` or Refused `backup_failed` when it cannot be restored; Refused
    `backup_engine`, `backup_needs_createdb`, or `wrong_key` when DATA_KEY does not open what is
    encrypted in it.
    """
    wanted = stored_manifest(source)
    _refuse_other_engine(engine, wanted)
    if engine.dialect.name == "sqlite":
        with TemporaryDirectory() as folder:
            beside = Path(shutil.copyfile(source, Path(folder) / "copy.db"))
            return wanted.differences(_read_sqlite(beside, source, now, settings))
    scratch = engine.url.set(database=f"{engine.url.database}_check")
    with _fresh_database(engine.url, scratch.database or ""):
        found = _read_restored(scratch, source, now, settings)
    return wanted.differences(found)


@contextmanager
def _fresh_database(server: URL, name: str) -> Iterator[None]:
    """An empty PostgreSQL database on the same server, dropped at the end of the block.

    Refused `backup_needs_createdb`.
    """
    admin = create_engine(server.set(database="postgres"), isolation_level="AUTOCOMMIT")
    drop = text(f'DROP DATABASE IF EXISTS "{name}"')
    try:
        with admin.connect() as connection:
            try:
                connection.execute(drop)
                connection.execute(text(f'CREATE DATABASE "{name}"'))
            except ProgrammingError as fault:
                raise Refused("backup_needs_createdb", server.username or "") from fault
            try:
                yield
            finally:
                connection.execute(drop)
    finally:
        admin.dispose()


def _read_restored(scratch: URL, source: Path, now: datetime, settings: Settings) -> Manifest:
    _run(["pg_restore", "--no-owner", str(source)], scratch)
    beside = create_engine(scratch)
    try:
        with beside.connect() as connection:
            _check_key(connection, settings)
            return read(connection, now)
    finally:
        beside.dispose()


def _check_key(connection: Connection, settings: Settings) -> None:
    """Raise Refused `wrong_key` when DATA_KEY does not open the keys of a backup."""
    if inspect(connection).has_table(keys.WrappedKey.__tablename__):
        keys.check(Session(connection, info={"settings": settings}))


def restore(
    engine: Engine, settings: Settings, source: Path, now: datetime, *, replace: bool
) -> Manifest:
    """Replace the database by a backup, after comparing the backup with its manifest.

    Refused `database_not_empty` unless `replace`; Refused `backup_broken` (a table differs) or
    `wrong_key` before anything is replaced. The replacement is atomic.
    """
    wanted = stored_manifest(source)
    _refuse_other_engine(engine, wanted)
    with engine.connect() as connection:
        present = inspect(connection).get_table_names()
        if present and not replace:
            raise Refused("database_not_empty")
    engine.dispose()
    if engine.dialect.name == "sqlite":
        keys.forget(engine)
        return _replace_sqlite(engine, settings, source, wanted, now)
    broken = check(engine, settings, source, now)
    if broken:
        raise Refused("backup_broken", ", ".join(broken))
    _replace_postgres(engine, source, present)
    with engine.connect() as connection:
        return _same(wanted, read(connection, now))


def _replace_postgres(engine: Engine, source: Path, present: list[str]) -> None:
    """Drop every table of the database and restore the backup, in one transaction.

    Tables that the backup does not hold are dropped too.
    """
    quote = engine.dialect.identifier_preparer.quote
    listed = ", ".join(quote(name) for name in present)
    with TemporaryDirectory() as folder:  # readable by its owner only
        away, copy = Path(folder) / "away.sql", Path(folder) / "copy.sql"
        wait = f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s';\n"
        away.write_text(wait + (f"DROP TABLE {listed} CASCADE;\n" if present else ""), "utf-8")
        _run(["pg_restore", "--no-owner", f"--file={copy}", str(source)])
        options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        _run(["psql", *options, f"--file={away}", f"--file={copy}"], engine.url)


def _same(wanted: Manifest, found: Manifest) -> Manifest:
    broken = wanted.differences(found)
    if broken:
        raise Refused("backup_broken", ", ".join(broken))
    return found


def stored_manifest(source: Path) -> Manifest:
    """The manifest beside a backup; Invalid `backup_unreadable` if a file is missing or broken."""
    try:
        document = json.loads(_manifest_path(source).read_text(encoding="utf-8"))
        tables = {name: Contents(**entry) for name, entry in document["tables"].items()}
        manifest = Manifest(document["engine"], document["taken_at"], tables)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise Invalid("backup_unreadable", str(source)) from fault
    if not source.is_file():
        raise Invalid("backup_unreadable", str(source))
    return manifest


def read(connection: Connection, now: datetime) -> Manifest:
    """The row count and digest of every table, as this connection sees them."""
    if connection.dialect.name == "postgresql":
        # Digests cover instants as text, which depends on the time zone of the session.
        connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
    tables = {}
    quote = connection.dialect.identifier_preparer.quote
    for name in sorted(inspect(connection).get_table_names()):
        columns = sorted(column["name"] for column in inspect(connection).get_columns(name))
        listed = ", ".join(quote(column) for column in columns)
        query = text(f"SELECT {listed} FROM {quote(name)}")  # noqa: S608 - names of our own tables
        tables[name] = _contents(connection.execution_options(yield_per=1000).execute(query))
    return Manifest(connection.dialect.name, now.isoformat(), tables)


def _contents(rows: Iterable[Any]) -> Contents:
    number, total = 0, 0
    for row in rows:
        number += 1
        total += int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest(), "big")
    return Contents(number, f"{total % 2**256:064x}")


def _read_sqlite(
    path: Path, source: Path, now: datetime, settings: Settings | None = None
) -> Manifest:
    """The manifest of the SQLite file at `path`, a copy of the backup `source`, which errors name.

    Invalid `backup_unreadable`; with `settings` Refused `wrong_key` when their DATA_KEY does not
    open the file's keys.
    """
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            if settings is not None:
                _check_key(connection, settings)
            return read(connection, now)
    except DatabaseError as fault:
        raise Invalid("backup_unreadable", str(source)) from fault
    finally:
        engine.dispose()


def _replace_sqlite(
    engine: Engine, settings: Settings, source: Path, wanted: Manifest, now: datetime
) -> Manifest:
    """Verify the backup in a file beside the database, then rename that file over it (atomic)."""
    database = Path(engine.url.database or "")
    draft = database.with_name(f"{database.name}.restoring")
    draft.touch(mode=OWNER_ONLY)
    try:
        shutil.copyfile(source, draft)
        found = _same(wanted, _read_sqlite(draft, source, now, settings))
        for leftover in ("-wal", "-shm"):
            Path(f"{database}{leftover}").unlink(missing_ok=True)
        draft.replace(database)
    finally:
        draft.unlink(missing_ok=True)
    return found


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise Refused("backup_engine", connection.dialect.name)
    return driver


def _refuse_other_engine(engine: Engine, manifest: Manifest) -> None:
    if manifest.engine != engine.dialect.name:
        raise Refused("backup_engine", manifest.engine)


def _manifest_path(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.json")


def _run(command: list[str], database: URL | None = None) -> None:
    """Run a client tool of PostgreSQL, on a database if one is given.

    Refused `tool_missing` or `backup_failed`. The password is passed in a file that only its owner
    can read, since every user of the machine can see the arguments of a command.
    """
    if shutil.which(command[0]) is None:
        raise Refused("tool_missing", command[0])
    if database is None:
        _succeed(command)
        return
    with NamedTemporaryFile("w", encoding="utf-8") as passwords:
        password = str(database.password or "").replace("\\", "\\\\").replace(":", "\\:")
        passwords.write(f"*:*:*:*:{password}\n" if password else "")
        passwords.flush()
        way_in = {"passfile": passwords.name} if password else {}
        address = URL.create(
            "postgresql",
            username=database.username,
            host=database.host,
            port=database.port,
            database=database.database,
            query={**database.query, **way_in},
        ).render_as_string()
        _succeed([*command, f"--dbname={address}"])


def _succeed(command: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - arguments of ours only
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused("backup_failed", done.stderr.strip().splitlines()[-1] if done.stderr else "")
