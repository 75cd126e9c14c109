"""Storage of ballots: they are found by their keys and written into the pool.

On PostgreSQL no request waits for that of another citizen: a new ballot is one INSERT, a change is
a compare-and-swap on the ciphertext that was read. Of two simultaneous requests of one link, which
have the same key, the second gets a Conflict and reads again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Insert, Row, Select, Update, bindparam, literal, select, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.ballots.contents import (
    Answer,
    Ballot,
    Pooled,
    counted_as,
    open_counted,
    open_pooled,
    pooled_row,
)
from survey.ballots.pool import forget_pool
from survey.crypto.sealed import row_name
from survey.db import chunked, connection_of, table_of
from survey.errors import Conflict, Refused
from survey.models.ballot import CountedBallot, PooledBallot
from survey.models.snapshot import closings_of

log = structlog.get_logger()
POOL = PooledBallot.__tablename__


@dataclass(frozen=True, slots=True)
class Found:
    """A stored ballot: as counted, the pooled one that replaces it, if any, and the comment."""

    ballot: Ballot
    pooled: Pooled | None
    comment: str
    # Ciphertext in the pool, empty without one: the compare-and-swap of a change expects it.
    sealed: bytes = b""
    # What remains of a repudiated ballot in the pool because a closing counted it.
    counted: Ballot | None = None

    @property
    def answer(self) -> Answer | None:
        """The citizen's last answer; None if it was repudiated and no closing counted it."""
        if self.pooled and self.pooled.current:
            current = self.pooled.current
            return Answer(current.ratings, current.reasons, self.comment)
        left = self.counted if self.pooled else self.ballot
        if left is None:
            return None
        last = left.versions[-1]
        return Answer(last.ratings, last.reasons, self.comment)


def _of_table(table: type[PooledBallot | CountedBallot]) -> Select[*tuple[Any, ...]]:
    name = literal(table.__tablename__).label("table")
    columns = (table.key, table.month, table.content_sealed, table.comment_sealed)
    return select(name, *columns).where(table.key.in_(bindparam("keys", expanding=True)))


_BALLOTS = union_all(_of_table(CountedBallot), _of_table(PooledBallot))


def find(session: Session, key: bytes) -> Found | None:
    """The ballot with a key, or None; Refused `encrypted_value_broken` if decryption fails."""
    row = _rows(session, [key]).get(key)
    return None if row is None else _found(session, row)


def find_many(session: Session, keys: Collection[bytes]) -> dict[bytes, Found]:
    """Key → ballot, for some keys; a ballot that cannot be decrypted is logged and left out."""
    read = {key: _if_it_opens(session, row) for key, row in _rows(session, keys).items()}
    return {key: found for key, found in read.items() if found is not None}


def _if_it_opens(session: Session, row: Row[Any]) -> Found | None:
    try:
        return _found(session, row)
    except Refused as refused:
        fault = refused
    log.error("ballot.does_not_open", fault=fault.code)
    return None


def _rows(session: Session, keys: Collection[bytes]) -> dict[bytes, Row[Any]]:
    """Key → encrypted row; a pooled ballot takes precedence over the counted one."""
    rows: dict[bytes, Row[Any]] = {}
    for some in chunked(list(keys)):
        read = connection_of(session).execute(_BALLOTS, {"keys": some}).all()
        rows |= {bytes(row.key): row for row in sorted(read, key=lambda row: row.table == POOL)}
    return rows


def _found(session: Session, row: Row[Any]) -> Found:
    key, sealed = bytes(row.key), bytes(row.content_sealed)
    table = PooledBallot if row.table == POOL else CountedBallot
    comment = table.comment.decrypt(session, row_name(key), row.comment_sealed) or ""
    if row.table == POOL:
        pooled = open_pooled(session, key, row.month, sealed)
        counted = None
        if pooled.is_withdrawn:
            counted = counted_as(pooled, pooled.ballot, closings_of(session)[row.month])
        return Found(pooled.ballot, pooled, comment, sealed, counted)
    return Found(open_counted(session, key, row.month, sealed), None, comment)


def put(session: Session, pooled: Pooled, comment: str, before: Found | None) -> None:
    """Write a new, changed or repudiated ballot into the pool, by compare-and-swap with `before`.

    Conflict `ballot_changed` if another request of the same link wrote first; the caller reads
    the ballot again.
    """
    row = pooled_row(session, pooled, comment)
    statement: Insert | Update
    if before is not None and before.sealed:
        statement = _SWAP
        given = {**row, "at_key": row.pop("key"), "read": before.sealed}
    else:
        statement = _FRESH[connection_of(session).dialect.name]
        given = row
    written = connection_of(session).execute(statement, given, execution_options=_COUNTED_ROWS)
    if written.rowcount != 1:
        raise Conflict("ballot_changed")
    forget_pool(session)


# Without this option the row count of an INSERT is lost with psycopg.
_COUNTED_ROWS = {"preserve_rowcount": True}
_SWAP = (
    update(table_of(PooledBallot))
    .where(
        PooledBallot.key == bindparam("at_key"), PooledBallot.content_sealed == bindparam("read")
    )
    .values(content_sealed=bindparam("content_sealed"), comment_sealed=bindparam("comment_sealed"))
)
_FRESH: dict[str, Insert] = {
    name: dialect.insert(table_of(PooledBallot)).on_conflict_do_nothing()
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
