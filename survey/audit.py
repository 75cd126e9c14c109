"""The append-only audit log in two hash chains: each row's hash covers the hash of the row before.

Entries that no citizen caused are readable in the database (`AuditEntry`). All others are encrypted
(`CitizenEntry`), and their hash covers a random salt: without it, hashing every possible time would
find when a citizen acted.
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
# Prefixes of actions that reveal nothing of what a citizen did, nor when or how often. Entries of
# all other actions are encrypted.
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
# What is raised by a row that cannot be decrypted or holds no entry.
UNREADABLE = (Refused, ValueError, TypeError, LookupError)
Row = TypeVar("Row", AuditEntry, CitizenEntry)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log; `detail` holds JSON values."""

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
    """Append an entry to its chain; `subject` and `detail` hold ids and codes, no personal data."""
    content = {
        # As text, since the hash covers this text.
        "at": now.astimezone(UTC).isoformat(),
        "staff_id": staff_id,
        "action": action,
        "subject": subject,
        # As JSON will give it back (a tuple as a list), so that the hash fits when it is verified.
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
    """Whether entries of this action are stored in clear."""
    return action.startswith(READABLE)


def append_later(
    session: Session, at: datetime, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Store an entry that a citizen caused, until `append_waiting` appends it together with others.

    Its position in the log would otherwise show when the citizen acted.
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
    """Append the stored entries that citizens caused, in random order."""
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
    """The entries of both chains, oldest first, filtered by action, subject and account if given.

    All encrypted rows are decrypted, unless `action` is one whose entries are stored in clear.
    Refused `encrypted_value_broken` when a row cannot be decrypted.
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

    The tables alone do not show that the newest rows were removed: compare `head` with the hashes
    printed in a report.
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
    """Every row of a chain in order, read 1,000 at a time (keyset pagination)."""
    query = select(table).order_by(table.number).limit(ROWS_AT_ONCE)
    rows = session.scalars(query).all()
    while rows:
        yield from rows
        rows = session.scalars(query.where(table.number > rows[-1].number)).all()


def head(session: Session) -> str:
    """The newest hash of each chain, separated by a space.

    Whoever keeps them elsewhere can prove later that no row was removed or rewritten.
    """
    newest = (
        session.scalar(select(table.hash).order_by(table.number.desc()).limit(1)) or GENESIS
        for table in (AuditEntry, CitizenEntry)
    )
    return " ".join(newest)


def _content(row: AuditEntry | CitizenEntry) -> dict[str, Any]:
    """The content of a row, as its hash covers it."""
    if isinstance(row, CitizenEntry):
        return row.entry
    content = {name: getattr(row, name) for name in ("staff_id", "action", "subject", "detail")}
    return {"at": row.at.astimezone(UTC).isoformat(), **content}


def _expected(previous: str, row: AuditEntry | CitizenEntry) -> str | None:
    """The hash that a row must have; None when the row cannot be read."""
    try:
        return _hash(previous, row.number, _content(row))
    except UNREADABLE:
        return None


def _hash(previous: str, number: int, content: Mapping[str, Any]) -> str:
    text = json.dumps([previous, number, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
