"""The database: naming of constraints, UTC instants, SQLite's manners, and `transaction()`, the
only commit.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from itertools import repeat
from typing import Any, TypeVar, cast

from flask import current_app
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg import IsolationLevel
from psycopg.errors import LockNotAvailable
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Insert,
    LargeBinary,
    MetaData,
    Row,
    Select,
    Table,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeDecorator

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
# SQLite keeps the kind of an error in its lowest byte.
PRIMARY_CODE = 0xFF
# How long rebuilding a table waits for those who use it: a little longer than the second after
# which PostgreSQL stops its autovacuum for it.
LOCK_TIMEOUT = "1500ms"
# How long cleaning up waits for transactions that began before, since what they may see is kept.
HORIZON_SECONDS, HORIZON_SLEEP_SECONDS = 30, 0.05
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


class Base(DeclarativeBase):
    """Root of all models."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: UtcDateTime(), bytes: LargeBinary()},
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
migrate = Migrate(render_as_batch=True, compare_type=True)


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


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Begin to read or to write; readers see one snapshot of the database to their end.

    A figure adds up what was counted and what waits to be counted, so both must be of one moment.
    """
    writing = connection.get_execution_options().get("writing", False)
    driver = cast("Any", connection.connection.driver_connection)
    if connection.dialect.name == "postgresql":
        # The driver sends it along with its BEGIN: no statement more.
        driver.isolation_level = None if writing else IsolationLevel.REPEATABLE_READ
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


def hold(session: Session, name: str, *, shared: bool = False) -> None:
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


def write_many(session: Session, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Run an INSERT for rows that all name the same columns; others get their plain defaults.

    An import writes half a million rows: values are made ready a column at a time and go to the
    driver as they are, without a look of SQLAlchemy at every single one. `statement` is kept.
    """
    if not rows:
        return
    connection = connection_of(session)
    plan = _plan(statement, connection.dialect, frozenset(rows[0]))
    columns: list[Iterable[object]] = []
    for one in plan.columns:
        if one.is_given:
            values = [row[one.name] for row in rows]
            columns.append(_ready_once(one.ready, values) if one.ready else values)
        else:
            columns.append(repeat(one.default, len(rows)))
    given: list[Any] = list(zip(*columns, strict=True))
    if not plan.is_positional:
        names = [one.name for one in plan.columns]
        given = [dict(zip(names, values, strict=True)) for values in given]
    connection.exec_driver_sql(plan.sql, given if len(given) > 1 else given[0])


def read_plain(
    session: Session, statement: Select[*tuple[Any, ...]], values: Mapping[str, object]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Rows of a SELECT that every answer needs; `statement` is kept.

    Texts, numbers and bytes only, both as values and in the rows: they go to the driver and come
    from it as they are, without a look of SQLAlchemy at each.
    """
    connection = connection_of(session)
    sql, own, names = _compiled(statement, connection.dialect)
    all_values = {**own, **values}
    given = tuple(all_values[name] for name in names) if names else all_values
    return connection.exec_driver_sql(sql, given).all()


@lru_cache(maxsize=16)
def _compiled(
    statement: Select[*tuple[Any, ...]], dialect: Dialect
) -> tuple[str, Mapping[str, object], Sequence[str] | None]:
    """The statement as the driver takes it, its own values, and the order where it takes one."""
    compiled = statement.compile(dialect=dialect)
    own = {name: value for name, value in compiled.params.items() if value is not None}
    return str(compiled), own, compiled.positiontup if compiled.positional else None


def chunked(items: Sequence[T], size: int = KEYS_AT_ONCE) -> Iterator[Sequence[T]]:
    """Items in turn, as many at once as a statement takes."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def shuffle_rows(
    session: Session, model: type[Base], chosen: ColumnElement[bool], *, on_sqlite: bool = True
) -> None:
    """Rewrite rows of a table in random order, so that their physical place (ctid, rowid, overflow
    pages) does not reveal in which order they were written.

    `on_sqlite` False: PostgreSQL only, for large tables that SQLite keeps in the order of their
    random keys (WITHOUT ROWID).
    """
    connection, table = connection_of(session), table_of(model)
    if connection.dialect.name == "postgresql":
        gone = delete(model).where(chosen).returning(*table.columns).cte("gone")
        again = select(gone).order_by(func.random())
        names = [column.name for column in table.columns]
        session.execute(insert(model).from_select(names, again))
    elif on_sqlite:
        query = select(table).where(chosen).order_by(func.random())
        rows = [dict(row) for row in connection.execute(query).mappings()]
        connection.execute(delete(table).where(chosen))
        write_many(session, insert(table), rows)


def clean_up(rewritten: Iterable[type[Base]], *, rebuilt: Iterable[type[Base]]) -> None:
    """After a commit: take dead rows off the pages of `rewritten` tables (VACUUM), and write small
    ones into new files (VACUUM FULL): until they are overwritten, pages keep the bytes of what was
    deleted, in the order it was written.

    PostgreSQL only; waits for no reader: a table that is in use is left to the next time. Readers
    keep their snapshot, which TRUNCATE would empty.
    """
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _wait_for_older(connection)
        for model in rewritten:
            connection.exec_driver_sql(f'VACUUM "{model.__tablename__}"')
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            for model in rebuilt:
                _rebuild(connection, model.__tablename__)
        finally:
            connection.exec_driver_sql("RESET lock_timeout")


def _wait_for_older(connection: Connection) -> None:
    """Wait until every transaction that is writing now has ended, or it takes too long."""
    newest = connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar()
    ended = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8"
    until = time.monotonic() + HORIZON_SECONDS
    while time.monotonic() < until:
        if connection.exec_driver_sql(ended, (newest,)).scalar():
            return
        time.sleep(HORIZON_SLEEP_SECONDS)


def _rebuild(connection: Connection, name: str) -> None:
    try:
        connection.exec_driver_sql(f'VACUUM FULL "{name}"')
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise


def write_numbered(
    session: Session, statement: Insert, rows: Sequence[Mapping[str, object]], name: str
) -> dict[Any, int]:
    """Write rows as `write_many` does; gives their new ids by the column `name`, which is unique.

    Ids only grow, so the new ones are those above the last one; others' rows may be among them.
    """
    columns = cast("Table", statement.table).columns
    last = session.scalar(select(func.max(columns.id))) or 0
    write_many(session, statement, rows)
    written = select(columns[name], columns.id).where(columns.id > last)
    return dict(session.execute(written).all())


def _ready_once(ready: Callable[[Any], Any], values: Sequence[object]) -> list[object]:
    """Values as the driver takes them, equal ones made ready once: days repeat by the thousand."""
    known = {value: ready(value) for value in set(values)}
    return [known[value] for value in values]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of an INSERT: given by each row and perhaps made ready, or its plain default."""

    name: str
    is_given: bool
    ready: Callable[[Any], Any] | None
    default: object


@dataclass(frozen=True, slots=True)
class _Plan:
    """How rows of one shape are written; values go in the order of the columns."""

    sql: str
    is_positional: bool
    columns: Sequence[_Column]


@lru_cache(maxsize=64)
def _plan(statement: Insert, dialect: Dialect, given: frozenset[str]) -> _Plan:
    """Compile an INSERT for rows that name these columns."""
    columns = [
        _Column(
            column.name,
            column.name in given,
            # Both drivers take bytes as they are.
            None
            if isinstance(column.type, LargeBinary)
            else column.type.dialect_impl(dialect).bind_processor(dialect),
            getattr(column.default, "arg", None),
        )
        for column in cast("Table", statement.table).columns
        if column.name in given or isinstance(column.default, ScalarElementColumnDefault)
    ]
    compiled = statement.compile(dialect=dialect, column_keys=[one.name for one in columns])
    return _Plan(str(compiled), bool(compiled.positional), columns)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK that restates an enum: `column` holds one of its values (or NULL where allowed)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
