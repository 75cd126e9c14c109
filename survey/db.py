"""The database: naming of constraints, UTC instants, SQLite's manners, and `transaction()`, the
only commit.
"""

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
# A connection used so lately needs no look whether it still stands, unless its server has spoken.
SURELY_OPEN_SECONDS = 5
# SQLite keeps the kind of an error in its lowest byte.
PRIMARY_CODE = 0xFF
# Keys in one statement, at most.
KEYS_AT_ONCE = 500
T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored as UTC on every database; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC (without zone on SQLite, which keeps none)."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "an instant needs a time zone"
            raise ValueError(message)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back an aware UTC instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class MonthText(TypeDecorator[Month]):
    """A month, stored as the text of its code (YYYY-MM)."""

    impl = String(7)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Hand drivers plain text, which they take fastest."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Month | None:  # noqa: ARG002
        """Give back a month."""
        return None if value is None else month_of(value)


class Base(DeclarativeBase):
    """Root of all models."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime(),
            bytes: LargeBinary(),
            Month: MonthText(),
        },
    )


class SurveySession(FlaskSession):
    """A session that carries the settings of its application, so features need no global."""

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
        """The one engine there is; the look at every statement's tables is saved."""
        return bind or self._engine


db = SQLAlchemy(model_class=Base, session_options={"class_": SurveySession})


def settings_of(session: Session) -> Settings:
    """The settings of the application that opened this session."""
    return cast("Settings", session.info["settings"])


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits at the end, rolls back on any error. Stands once in an edge, never
    nested.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE), since upgrading a read later fails
    under load.
    """
    session = db.session()
    if is_writing(session):
        message = "transaction() inside transaction()"
        raise RuntimeError(message)
    session.rollback()  # ends the reads of this request, so the write begins on a fresh view
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
    """The connection of this unit of work: an answer writes through it five times."""
    return session.info.get("connection") or session.connection()


def read_once(session: Session) -> Connection:
    """The connection of a page that needs a statement or two, each of which sees a snapshot of its
    own: PostgreSQL need not begin and end a transaction, unless one is under way.
    """
    if session.in_transaction() or session.get_bind().dialect.name != "postgresql":
        return session.connection()
    return session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401
    if "sqlite3" not in type(connection).__module__:
        return
    connection.isolation_level = None  # SQLAlchemy's begin event below decides how to begin
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        # Pages copied back rarely: an answer touches a dozen, so the default would sync every 80.
        "wal_autocheckpoint=8000",
        "foreign_keys=ON",
        # What is erased is overwritten; Debian's SQLite does so unasked, others do not.
        "secure_delete=ON",
        # KiB: an import touches random pages of a dozen indexes.
        "cache_size=-16384",
        f"busy_timeout={SQLITE_BUSY_SECONDS}000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@cache
def _lasting(psycopg: Any) -> Any:  # noqa: ANN401 - the driver, which SQLite does without
    """The connection to PostgreSQL that keeps its prepared statements when a reader is done.

    At a ROLLBACK the driver drops them, and planning the statements of an answer again takes the
    database four times as long as running them.
    """

    class LastingConnection(psycopg.Connection):  # type: ignore[misc]  # loaded when needed
        def rollback(self) -> None:
            """End the transaction; one that could only read, by COMMIT."""
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
    """Ask PostgreSQL whether a connection still stands; where it does not, the pool opens another.

    A statement for that is saved while the connection is in use. A server that ends it says so.
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
    """Whether anything has come from the server since its last answer."""
    wire = sockets.poll()
    wire.register(driver.fileno(), sockets.POLLIN)
    return bool(wire.poll(0))


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Begin to read or to write; readers see one snapshot of the database to their end.

    A figure adds up what was counted and what waits to be counted, so both must be of one snapshot.
    """
    writing = connection.get_execution_options().get("writing", False)
    driver = cast("Any", connection.connection.driver_connection)
    if connection.dialect.name == "postgresql":
        # The driver sends them along with its BEGIN: no statement more.
        levels = cast("Any", connection.dialect.dbapi).IsolationLevel
        driver.isolation_level = None if writing else levels.REPEATABLE_READ
        driver.read_only = None if writing else True
    elif writing:
        _wait_for_turn(driver)
    else:
        connection.exec_driver_sql("BEGIN")


def _wait_for_turn(driver: sqlite3.Connection) -> None:
    """Begin to write as soon as the writer before is done.

    SQLite's own waiting sleeps ever longer, up to 100 ms, while an answer takes about 2 ms: two
    workers would idle half of their time. Here the sleep stays short.
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
    """Wait for whoever holds this name, and hold it to the end of the transaction; all who share it
    may hold it at once.

    PostgreSQL only: SQLite's writing transactions come one after the other.
    """
    connection = connection_of(session)
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(name.encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        connection.execute(select(lock(number)))


def table_of(model: type[Base]) -> Table:
    """The bare table of a model, for many rows at once without objects."""
    return cast("Table", model.__table__)


def chunked(items: Sequence[T], size: int = KEYS_AT_ONCE) -> Iterator[Sequence[T]]:
    """Items in turn, as many at once as a statement takes."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK that restates an enum: `column` holds one of its values (or NULL where allowed)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
