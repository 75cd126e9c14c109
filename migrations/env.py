"""Runs migrations in the application, one start at a time: a lock keeps two from colliding."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from survey.crypto import keys
from survey.db import MonthText, UtcDateTime
from survey.errors import Refused
from survey.wording import words_for

MIGRATION_LOCK = 5_207_000
database = current_app.extensions["migrate"].db


def render_item(kind: str, item: object, autogen: AutogenContext) -> str | bool:  # noqa: ARG001
    """Write our own types as the plain column types they are in the database."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, MonthText):
        return "sa.String(length=7)"
    return False


def run(connection: Connection) -> None:
    """Upgrade or downgrade over one connection, in one transaction: all of it, or nothing."""
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_item=render_item,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        version_table="schema_version",
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
            )
        check_key(connection)
        context.run_migrations()
        make_keys(connection)
        if connection.dialect.name == "sqlite":
            astray = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if astray:  # before the commit: nothing was changed
                message = f"a migration would leave rows of {astray[0]} that point nowhere"
                raise SystemExit(message)


def check_key(connection: Connection) -> None:
    """Stop if DATA_KEY is not this database's: what a migration encrypts would be lost."""
    if not inspect(connection).has_table(keys.WrappedKey.__tablename__):
        return
    try:
        keys.check(session_on(connection))
    except Refused as refused:
        raise SystemExit(words_for(refused)) from refused


def make_keys(connection: Connection) -> None:
    """Draw the keys that a new database lacks."""
    if inspect(connection).has_table(keys.WrappedKey.__tablename__):
        keys.make_missing(session_on(connection), datetime.now(UTC))


def session_on(connection: Connection) -> Session:
    """A session within this transaction, with the application's settings."""
    return Session(connection, info={"settings": current_app.extensions["settings"]})


@contextmanager
def rebuilding(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by a new one in its place: rows elsewhere keep pointing to its name.

    Dropping the old one would break on them, so their check pauses, outside of any transaction;
    `run` makes up for it.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


if context.is_offline_mode():
    message = "migrations run against a database; give DATABASE_URL"
    raise SystemExit(message)

writing = database.engine.execution_options(writing=True)
with writing.connect() as open_connection, rebuilding(open_connection):
    run(open_connection)
