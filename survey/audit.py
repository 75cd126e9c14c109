"""The append-only audit log: two chains, each row hashed with the one before.

Acts that no citizen caused are readable in the database (`AuditEntry`). All others are encrypted
(`CitizenEntry`); their hash holds a random salt, or trying out times would find it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from survey.db import advisory_lock
from survey.errors import Refused
from survey.models.audit import AuditEntry, CitizenEntry, WaitingEntry

GENESIS = "0" * 64
SALT_BYTES = 16
ROWS_AT_ONCE = 1000
# Beginnings of actions that say nothing of a citizen's act, nor of when or how often there was one.
# Whatever begins otherwise is encrypted.
READABLE = (
    "index.",
    "intake.",
    "message.",
    "privacy.rekey",
    "report.",
    "rules.",
    "staff.",
    "text.",
    "baseline.set",
)
# A row that does not open, or holds something else than an act.
UNREADABLE = (Refused, ValueError, TypeError, LookupError)
Row = TypeVar("Row", AuditEntry, CitizenEntry)


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as it was recorded; `detail` holds what JSON can hold."""

    at: datetime
    staff_id: int | None
    action: str
    subject: str
    detail: Mapping[str, Any]


def append(
    session: Session,
    now: datetime,
    action: str,
    subject: str,
    *,
    staff_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add one act to its chain. `subject` and `detail` hold ids and codes, never personal data."""
    content = {
        # As text, since the hash is made over this very text.
        "at": now.astimezone(UTC).isoformat(),
        "staff_id": staff_id,
        "action": action,
        "subject": subject,
        # As it will be read again: JSON knows no tuples.
        "detail": json.loads(json.dumps(dict(detail or {}))),
    }
    table = AuditEntry if is_readable(action) else CitizenEntry
    advisory_lock(session, table.__tablename__)
    newest = select(table.number, table.hash).order_by(table.number.desc()).limit(1)
    last, previous = session.execute(newest).first() or (0, GENESIS)
    number = last + 1
    if table is AuditEntry:
        digest = _hash(previous, number, content)
        session.add(AuditEntry(number=number, hash=digest, **{**content, "at": now}))
    else:
        content["salt"] = secrets.token_hex(SALT_BYTES)
        row = CitizenEntry(number=number, hash=_hash(previous, number, content))
        session.add(row)
        row.entry = content
    session.flush()


def is_readable(action: str) -> bool:
    """Whether acts of this kind may stand in clear."""
    return action.startswith(READABLE)


def append_later(
    session: Session, at: datetime, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Store an entry that a citizen caused until `append_waiting` appends it to the log among
    others: its position in the log would show when it happened.
    """
    row = WaitingEntry(id=secrets.token_hex(16))
    session.add(row)
    row.entry = {
        "at": at.astimezone(UTC).isoformat(),
        "action": action,
        "subject": subject,
        "detail": dict(detail),
    }
    session.flush()


def append_waiting(session: Session) -> None:
    """Append what citizens caused since the last time, in random order."""
    query = delete(WaitingEntry).returning(WaitingEntry.id, WaitingEntry.entry_sealed)
    rows = list(session.execute(query).all())
    secrets.SystemRandom().shuffle(rows)
    for name, sealed in rows:
        entry = WaitingEntry.entry.decrypt(session, name, sealed)
        at = datetime.fromisoformat(entry["at"])
        append(session, at, entry["action"], entry["subject"], detail=entry["detail"])


def entries(
    session: Session,
    *,
    action: str | None = None,
    subject: str | None = None,
    staff_id: int | None = None,
) -> list[Entry]:
    """What was done, oldest first; only what has this action, subject and account, where one is
    given.

    Every encrypted row is opened, unless the action is one that stands in clear. Refused
    `encrypted_value_broken` at a row that does not open.
    """
    wanted = {"action": action, "subject": subject, "staff_id": staff_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    found: list[dict[str, Any]] = []
    if action is None or is_readable(action):
        readable = select(AuditEntry).filter_by(**given).order_by(AuditEntry.number)
        found += map(_content, session.scalars(readable))
    if action is None or not is_readable(action):
        encrypted = map(
            _content, session.scalars(select(CitizenEntry).order_by(CitizenEntry.number))
        )
        found += (
            content
            for content in encrypted
            if all(content[name] == one for name, one in given.items())
        )
    for content in found:
        content["at"] = datetime.fromisoformat(content["at"])
        content.pop("salt", None)
    return sorted((Entry(**content) for content in found), key=lambda entry: entry.at)


def verify(session: Session) -> tuple[int, bool]:
    """Number of rows, and whether every row of both chains is in place and unchanged.

    A cut at the end cannot be seen from the tables alone: compare `head` with the one printed in a
    report.
    """
    results = [_verify(session, AuditEntry), _verify(session, CitizenEntry)]
    return sum(rows for rows, _ in results), all(is_whole for _, is_whole in results)


def _verify(session: Session, table: type[Row]) -> tuple[int, bool]:
    rows, previous = 0, GENESIS
    for row in _in_order(session, table):
        rows += 1
        if row.number != rows or row.hash != _expected(previous, row):
            return session.scalar(select(func.count()).select_from(table)) or 0, False
        previous = row.hash
    return rows, True


def _in_order(session: Session, table: type[Row]) -> Iterator[Row]:
    """Every row of a chain; few are held at a time."""
    query = select(table).order_by(table.number).limit(ROWS_AT_ONCE)
    rows = session.scalars(query).all()
    while rows:
        yield from rows
        rows = session.scalars(query.where(table.number > rows[-1].number)).all()


def head(session: Session) -> str:
    """Hashes of the newest row of each chain: whoever keeps them can prove later that nothing was
    cut or rebuilt.
    """
    newest = (
        session.scalar(select(table.hash).order_by(table.number.desc()).limit(1)) or GENESIS
        for table in (AuditEntry, CitizenEntry)
    )
    return " ".join(newest)


def _content(row: AuditEntry | CitizenEntry) -> dict[str, Any]:
    """What a row says, as its hash was made over it."""
    if isinstance(row, CitizenEntry):
        return row.entry
    content = {name: getattr(row, name) for name in ("staff_id", "action", "subject", "detail")}
    return {"at": row.at.astimezone(UTC).isoformat(), **content}


def _expected(previous: str, row: AuditEntry | CitizenEntry) -> str | None:
    """The hash a row must have; None when it cannot be read."""
    try:
        return _hash(previous, row.number, _content(row))
    except UNREADABLE:
        return None


def _hash(previous: str, number: int, content: Mapping[str, Any]) -> str:
    text = json.dumps([previous, number, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
