"""Physical order of rows: random rewriting (shuffle) and removal of deleted rows (VACUUM)."""

import time
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from survey.bulk import write_many
from survey.db import Base, connection_of, db, table_of

# How long rebuilding a table waits for its lock: a little longer than the second after which
# PostgreSQL cancels an autovacuum that holds the lock.
LOCK_TIMEOUT = "1500ms"
# SQLSTATE of PostgreSQL for a lock that was not granted in this time (lock_not_available).
LOCK_NOT_AVAILABLE = "55P03"
# How long cleaning up waits for older transactions, since VACUUM keeps the rows they may see.
HORIZON_SECONDS, HORIZON_SLEEP_SECONDS = 30, 0.05


def shuffle_rows(
    session: Session, model: type[Base], chosen: ColumnElement[bool], *, on_sqlite: bool = True
) -> None:
    """Rewrite the chosen rows of a table in random order (shuffle).

    Their physical place (ctid, rowid, overflow pages) then does not reveal in which order they were
    written. `on_sqlite` False: PostgreSQL only, for large tables that SQLite keeps in the order of
    their random keys (WITHOUT ROWID).
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
    """After a commit, remove dead rows from pages: VACUUM `rewritten` tables, VACUUM FULL
    `rebuilt`.

    Pages otherwise keep the bytes of deleted rows, in the order they were written, until these are
    overwritten. VACUUM FULL writes a table into a new file, so `rebuilt` tables should be small.
    TRUNCATE is not used, since it would empty the snapshots of readers. PostgreSQL only. A table
    whose lock is not granted within `LOCK_TIMEOUT` is left to the next time.
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
    """Wait until every transaction that is writing now has ended, at most `HORIZON_SECONDS`."""
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
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
