"""The database: constraint names, column types, connections, locks, and the only commit."""

import hashlib
import select as sockets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    Dialect,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    func,
    select,
)
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.types import TypeDecorator

from survey.period import Month, month_of
from survey.settings import Settings

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_SECONDS = 10
TURN_SLEEP_SECONDS = 0.0002
# A connection used within this time is not tested before its reuse, unless its server has sent
# something.
SURELY_OPEN_SECONDS = 5
# The lowest byte of SQLite's extended error code is the primary code.
PRIMARY_CODE = 0xFF
# Most keys in one statement.
KEYS_AT_ONCE = 500
T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored as UTC on every database; a naive one raises ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert an aware instant to UTC (without zone on SQLite, which stores none)."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "an instant needs a time zone"
            raise ValueError(message)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware UTC instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class MonthText(TypeDecorator[Month]):
    """A month, stored as the text of its code (YYYY-MM)."""

    impl = String(7)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Convert a month to plain text, which drivers take fastest."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Month | None:  # noqa: ARG002
        """Return a month."""
        return None if value is None else month_of(value)


class Base(DeclarativeBase):
    """Declarative base of all models."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime(),
            bytes: LargeBinary(),
            Month: MonthText(),
        },
    )


class SurveySession(FlaskSession):
    """A session that carries the settings of its application, so that features need no global."""

    def __init__(self, db: SQLAlchemy, **options: Any) -> None:  # noqa: ANN401
        super().__init__(db, **options)
        self.info["settings"] = current_app.extensions["settings"]
        self._engine = db.engine

    def get_bind(
        self,
        mapper: Any | None = None,  # noqa: ANN401, ARG002
        clause: Any | None = None,  # noqa: ANN401, ARG002
        bind: Engine | Connection | None = None,
        **_more: Any,  # noqa: ANN401
    ) -> Engine | Connection:
        """Return the only engine, without SQLAlchemy's search of every statement for its tables."""
        return bind or self._engine


db = SQLAlchemy(model_class=Base, session_options={"class_": SurveySession})


def settings_of(session: Session) -> Settings:
    """The settings of the application that opened this session."""
    return cast("Settings", session.info["settings"])


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commit at its end, roll back on any error; once in an edge, never nested.

    RuntimeError inside another one. On SQLite it takes the write lock at once (BEGIN IMMEDIATE),
    since upgrading a read transaction fails under load.
    """
    session = db.session()
    if is_writing(session):
        message = "transaction() inside transaction()"
        raise RuntimeError(message)
    session.rollback()  # ends the request's read transaction: the write needs a fresh snapshot
    session.info["writing"] = True
    try:
        session.info["connection"] = session.connection(execution_options={"writing": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False
        session.info["connection"] = None


def is_writing(session: Session) -> bool:
    """Whether this session is inside `transaction()`."""
    return bool(session.info.get("writing"))


def connection_of(session: Session) -> Connection:
    """The connection of this unit of work, kept at hand because an answer uses it five times."""
    return session.info.get("connection") or session.connection()


def read_once(session: Session) -> Connection:
    """The connection of a page that runs one or two statements, each with a snapshot of its own.

    On PostgreSQL it is in autocommit mode, which saves BEGIN and COMMIT, unless a transaction is
    under way.
    """
    if session.in_transaction() or session.get_bind().dialect.name != "postgresql":
        return session.connection()
    return session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401
    if "sqlite3" not in type(connection).__module__:
        return
    connection.isolation_level = None  # the driver sends no BEGIN: `_begin` does
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        # Fewer checkpoints: an answer writes a dozen pages, so the default (1,000 pages) would sync
        # after every 80 answers.
        "wal_autocheckpoint=8000",
        "foreign_keys=ON",
        # Erased content is overwritten; Debian's SQLite does so by default, others do not.
        "secure_delete=ON",
        # 16 MiB: an import touches random pages of a dozen indexes.
        "cache_size=-16384",
        f"busy_timeout={SQLITE_BUSY_SECONDS}000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@cache
def _lasting(psycopg: Any) -> Any:  # noqa: ANN401 - the driver's module, not needed on SQLite
    """The class of PostgreSQL connections whose prepared statements outlast read transactions.

    At a ROLLBACK the driver drops them, and planning the statements of an answer again takes the
    database four times as long as running them.
    """

    class LastingConnection(psycopg.Connection):  # type: ignore[misc]  # loaded when needed
        def rollback(self) -> None:
            """End the transaction; a read-only one by COMMIT."""
            if self.read_only and self.info.transaction_status.name == "INTRANS":
                self.commit()
            else:
                super().rollback()

    return LastingConnection


@event.listens_for(Engine, "do_connect")
def _connect(
    dialect: Dialect, _record: ConnectionPoolEntry, place: Sequence[str], options: dict[str, Any]
) -> Any:  # noqa: ANN401
    if dialect.name != "postgresql":
        return None
    return _lasting(cast("Any", dialect.dbapi)).connect(*place, **options)


@event.listens_for(Pool, "checkin")
def _note_use(_driver: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _check_connection(driver: Any, record: ConnectionPoolEntry, _checked_out: object) -> None:  # noqa: ANN401
    """Test whether a PostgreSQL connection still works; if not, the pool opens another one.

    The test costs a statement, so a connection that was used in the last five seconds is not
    tested, unless the server has sent something: a server that ends a connection announces it.
    """
    used = record.info.get("used")
    if used is None or isinstance(driver, sqlite3.Connection):
        return
    try:
        if time.monotonic() - used < SURELY_OPEN_SECONDS and not _has_spoken(driver):
            return
        before, driver.autocommit = driver.autocommit, True
        driver.execute("SELECT 1")
        driver.autocommit = before
    except driver.Error as gone:
        raise DisconnectionError from gone


def _has_spoken(driver: Any) -> bool:  # noqa: ANN401
    """Whether the server has sent anything since its last answer."""
    wire = sockets.poll()
    wire.register(driver.fileno(), sockets.POLLIN)
    return bool(wire.poll(0))


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Begin a read or write transaction; a reader sees one snapshot of the database until its end.

    A figure is the sum of counted ballots and waiting ballots, so both must come from one snapshot.
    """
    writing = connection.get_execution_options().get("writing", False)
    driver = cast("Any", connection.connection.driver_connection)
    if connection.dialect.name == "postgresql":
        # The driver sends both with its BEGIN, so they cost no further statement.
        levels = cast("Any", connection.dialect.dbapi).IsolationLevel
        driver.isolation_level = None if writing else levels.REPEATABLE_READ
        driver.read_only = None if writing else True
    elif writing:
        _wait_for_turn(driver)
    else:
        connection.exec_driver_sql("BEGIN")


def _wait_for_turn(driver: sqlite3.Connection) -> None:
    """Begin a write transaction (BEGIN IMMEDIATE) as soon as the writer before has finished.

    SQLite's busy handler sleeps ever longer, up to 100 ms, while an answer takes about 2 ms: two
    workers would idle half of their time. Here every sleep is 0.2 ms. OperationalError after ten
    seconds.
    """
    until = time.monotonic() + SQLITE_BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as busy:
                is_busy = busy.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > until:
                    raise OperationalError("BEGIN IMMEDIATE", {}, busy) from busy
                time.sleep(TURN_SLEEP_SECONDS)
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS}000")


def advisory_lock(session: Session, name: str, *, shared: bool = False) -> None:
    """Wait for an advisory lock by name and hold it to the end of the transaction.

    A shared lock may have several holders at once, an exclusive one excludes all others. PostgreSQL
    only: write transactions of SQLite run one after the other.
    """
    connection = connection_of(session)
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(name.encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        connection.execute(select(lock(number)))


def table_of(model: type[Base]) -> Table:
    """The SQLAlchemy Core table of a model, for statements on many rows without ORM objects."""
    return cast("Table", model.__table__)


def chunked(items: Sequence[T], size: int = KEYS_AT_ONCE) -> Iterator[Sequence[T]]:
    """Slices of at most `size` items; the default fits into one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK constraint that restates an enum: `column` is one of its values (or NULL)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
