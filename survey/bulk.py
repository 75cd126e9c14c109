"""Bulk inserts: COPY on PostgreSQL, arrays (unnest) for an upsert there, executemany elsewhere.

An import writes half a million rows: values are converted a column at a time and go straight to the
driver, without SQLAlchemy's work on every single value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    Dialect,
    Insert,
    LargeBinary,
    String,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from survey.db import connection_of

# With fewer rows, COPY and arrays take longer to start than they save.
FEW_ROWS = 20


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of an INSERT: given by each row and perhaps converted, or filled by its default."""

    name: str
    is_given: bool
    ready: Callable[[Any], Any] | None
    default: object


@dataclass(frozen=True, slots=True)
class _Plan:
    """The compiled INSERT for rows with the same columns; values follow the columns' order."""

    sql: str
    is_positional: bool
    columns: Sequence[_Column]
    # On PostgreSQL: the statement for many rows (COPY or arrays), and a COPY's column types.
    sql_of_many: str = ""
    types: Sequence[str] = ()


def write_many(session: Session, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Run an INSERT for rows that all name the same columns; others get their scalar defaults.

    The compiled `statement` is cached. With an ON CONFLICT clause (upsert), no two rows may have
    the same key.
    """
    if rows:
        _write(session, statement, {name: [row[name] for row in rows] for name in rows[0]})


def write_numbered(
    session: Session, statement: Insert, rows: Sequence[Mapping[str, object]], name: str
) -> dict[Any, int]:
    """Insert rows as `write_many` does; return the new ids by the value of the unique column
    `name`.

    The ids are reserved first: from the sequence on PostgreSQL, after the highest id on SQLite,
    where only one transaction writes at a time.
    """
    if not rows:
        return {}
    ids = _new_ids(connection_of(session), cast("Table", statement.table), len(rows))
    values = {column: [row[column] for row in rows] for column in rows[0]}
    _write(session, statement, {"id": ids, **values})
    return dict(zip(values[name], ids, strict=True))


def _new_ids(connection: Connection, table: Table, count: int) -> Sequence[int]:
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        drawn = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
        return connection.scalars(drawn).all()
    last = connection.scalar(select(func.max(table.c.id))) or 0
    return range(last + 1, last + count + 1)


def _write(session: Session, statement: Insert, values: Mapping[str, Sequence[object]]) -> None:
    """Insert columns of values, each in the order of the rows."""
    connection = connection_of(session)
    plan = _plan(statement, connection.dialect, frozenset(values))
    count = len(next(iter(values.values())))
    columns = [
        _ready(one, values[one.name]) if one.is_given else [one.default] * count
        for one in plan.columns
    ]
    names = [one.name for one in plan.columns]
    if plan.sql_of_many and count >= FEW_ROWS:
        if plan.types:
            _copy(connection, plan, zip(*columns, strict=True))
        else:
            connection.exec_driver_sql(plan.sql_of_many, dict(zip(names, columns, strict=True)))
        return
    rows: list[Any] = list(zip(*columns, strict=True))
    if not plan.is_positional:
        rows = [dict(zip(names, row, strict=True)) for row in rows]
    connection.exec_driver_sql(plan.sql, rows if count > 1 else rows[0])


def _ready(column: _Column, values: Sequence[object]) -> list[object]:
    """The values converted for the driver; equal ones once, since dates repeat by the thousand."""
    ready = column.ready
    if ready is None:
        return list(values)
    known = {value: ready(value) for value in set(values)}
    return [known[value] for value in values]


def _copy(connection: Connection, plan: _Plan, rows: Iterable[Sequence[object]]) -> None:
    """Send rows by COPY in binary format, which takes an eighth of the time of INSERTs."""
    driver: Any = connection.connection.driver_connection
    error = cast("Any", connection.dialect.dbapi).Error
    try:
        with driver.cursor() as cursor, cursor.copy(plan.sql_of_many.encode()) as copy:
            copy.set_types(plan.types)
            for row in rows:
                copy.write_row(row)
    except error as fault:
        raise DBAPIError.instance(plan.sql_of_many, None, fault, error) from fault


@lru_cache(maxsize=64)
def _plan(statement: Insert, dialect: Dialect, given: frozenset[str]) -> _Plan:
    """Compile an INSERT for rows that give these columns."""
    written = [
        column
        for column in cast("Table", statement.table).columns
        if column.name in given or isinstance(column.default, ScalarElementColumnDefault)
    ]
    compiled = statement.compile(dialect=dialect, column_keys=[one.name for one in written])
    sql = str(compiled)
    is_postgresql, may_conflict = dialect.name == "postgresql", "ON CONFLICT" in sql
    columns = [
        _Column(
            column.name,
            column.name in given,
            _plain_text
            if is_postgresql and may_conflict and isinstance(column.type, String)
            else _readied(column, dialect),
            getattr(column.default, "arg", None),
        )
        for column in written
    ]
    plan = _Plan(sql, bool(compiled.positional), columns)
    if not is_postgresql:
        return plan
    if may_conflict:
        return replace(plan, sql_of_many=_sql_of_arrays(statement, dialect, written))
    types = [str(column.type.compile(dialect)).lower().partition("(")[0] for column in written]
    return replace(plan, sql_of_many=_sql_of_copy(dialect, written), types=types)


def _readied(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """The conversion of a column for the driver; None when it needs none, as for bytes."""
    if isinstance(column.type, LargeBinary):
        return None
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _plain_text(value: str | None) -> str | None:
    """Text as `str`, also when it is an enum: all values of an array must have one Python type."""
    return None if value is None else str(value)


def _sql_of_copy(dialect: Dialect, columns: Sequence[Column[Any]]) -> str:
    quoted = dialect.identifier_preparer
    names = ", ".join(quoted.format_column(column) for column in columns)
    return f"COPY {quoted.format_table(columns[0].table)} ({names}) FROM STDIN (FORMAT BINARY)"


def _sql_of_arrays(statement: Insert, dialect: Dialect, columns: Sequence[Column[Any]]) -> str:
    """The same INSERT, with one array per column as its parameters (unnest)."""
    arrays = [
        func.unnest(bindparam(column.name, type_=ARRAY(column.type), unique=False))
        for column in columns
    ]
    names = [column.name for column in columns]
    return str(statement.from_select(names, select(*arrays)).compile(dialect=dialect))
