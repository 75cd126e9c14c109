"""Full re-encryption of all encrypted columns that the models declare, in chunks of rows.

Optimistic: a value is replaced only if it is still the one that was read, so a concurrent change is
never overwritten; a later pass encrypts what is left. A repeated pass changes nothing (idempotent).
Rows are rewritten in the order of their primary keys (keyset pagination), which are random
wherever the order of rows could reveal a citizen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, Table, bindparam, func, select, tuple_, update
from sqlalchemy.orm import Session

from survey.crypto.keys import keyring
from survey.crypto.sealed import Sealed, all_sealed
from survey.crypto.values import decrypt, encrypt, open_with
from survey.db import connection_of, table_of
from survey.errors import Refused

ROWS_AT_ONCE = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Result for a chunk of one column: rows read, re-encrypted and damaged, last primary key.

    `last` is None when no row was left.
    """

    seen: int
    moved: int
    broken: int
    last: Sequence[Any] | None


def values_to_read(session: Session) -> int:
    """The number of stored encrypted values in all tables."""
    counts = (
        select(func.count(table_of(one.owner).c[one.column])).select_from(table_of(one.owner))
        for one in all_sealed()
    )
    return sum(connection_of(session).execute(count).scalar_one() for count in counts)


def reencrypt(session: Session, sealed: Sealed[Any], after: Sequence[Any] | None) -> Chunk:
    """Re-encrypt the next ROWS_AT_ONCE values of a column and renew their blind indexes.

    `after`: primary key of the last row done, None for the first chunk (keyset pagination). A
    damaged value is logged and left as it is.
    """
    table = table_of(sealed.owner)
    key = list(table.primary_key.columns)
    rows = connection_of(session).execute(_query(table, sealed, after)).all()
    fresh, broken = [], 0
    for row in rows:
        values = _renewed(session, sealed, row)
        if values is None:
            log.error("crypto.value_does_not_open", place=sealed.place)
            broken += 1
        elif values:
            at = {f"at_{column.name}": getattr(row, column.name) for column in key}
            fresh.append({**at, "at_sealed": getattr(row, sealed.column), **values})
    if fresh:
        same = [column == bindparam(f"at_{column.name}") for column in key]
        same.append(table.c[sealed.column] == bindparam("at_sealed"))
        connection_of(session).execute(update(table).where(*same), fresh)
    last = [getattr(rows[-1], column.name) for column in key] if rows else None
    return Chunk(len(rows), len(fresh), broken, last)


def _query(table: Table, sealed: Sealed[Any], after: Sequence[Any] | None) -> Any:  # noqa: ANN401
    key = list(table.primary_key.columns)
    names = {column.name for column in key} | {*sealed.row, sealed.column}
    if sealed.index is not None:
        names |= {sealed.index.column, *sealed.index.reads}
    query = select(*(table.c[name] for name in sorted(names)))
    query = query.where(table.c[sealed.column].is_not(None)).order_by(*key).limit(ROWS_AT_ONCE)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    return query


def _renewed(session: Session, sealed: Sealed[Any], row: Row[Any]) -> dict[str, bytes] | None:
    """The new values by column name, empty if they are current; None if the value is damaged."""
    name, stored = sealed.name_of(row), getattr(row, sealed.column)
    values = {}
    content = open_with(keyring(session).ciphers[0], sealed.place, name, stored)
    if content is None:
        try:
            content = decrypt(session, sealed.place, name, stored)
        except Refused:
            return None
        values[sealed.column] = encrypt(session, sealed.place, name, content)
    if sealed.index is not None and getattr(row, sealed.index.column) is not None:
        text = sealed.index.text(row, sealed.codec.unpack(content))
        found_by = sealed.hash_of(session, text)
        if found_by != getattr(row, sealed.index.column):
            values[sealed.index.column] = found_by
    return values
