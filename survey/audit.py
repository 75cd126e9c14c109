"""The append-only audit chain: one row per act, each hashed with the one before, all sealed.

When staff took or closed which case would tell a thief who had been asked just before. So what was
done stands in `sealed` alone; the hash holds a random salt, or trying out times would find it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.orm import Session

from survey import crypto, sealing
from survey.crypto.values import OVERHEAD
from survey.errors import Refused
from survey.models.audit import AuditEntry, WaitingEntry

GENESIS = "0" * 64
# Any fixed number: all writers of the chain take the same PostgreSQL lock.
CHAIN_LOCK = 5_207_001
# What sealed acts are bound to, beside their number.
PLACE = "audit_entry.act"
# Contents are padded to a multiple of this many bytes, so that a length tells nothing of an act.
BLOCK = 512
SALT_BYTES = 16
WAITING_PLACE = "audit_waiting.content_sealed"
WAITING_SIZES = (512 - OVERHEAD, 4096 - OVERHEAD)
ROWS_AT_ONCE = 1000
# A row that does not open, or holds something else than an act.
UNREADABLE = (Refused, ValueError, TypeError, LookupError)


@dataclass(frozen=True, slots=True)
class Act:
    """One act as it was recorded; `detail` holds what JSON can hold."""

    number: int
    at: datetime
    staff_id: int | None
    action: str
    subject: str
    detail: Mapping[str, Any]


def record(
    session: Session,
    now: datetime,
    action: str,
    subject: str,
    *,
    staff_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add one act to the chain. `subject` and `detail` hold ids and codes, never personal data."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CHAIN_LOCK})
    newest = select(AuditEntry.number, AuditEntry.hash).order_by(AuditEntry.number.desc()).limit(1)
    last, previous = session.execute(newest).first() or (0, GENESIS)
    content = {
        # As text, since the hash is made over this very text.
        "at": now.astimezone(UTC).isoformat(),
        "staff_id": staff_id,
        "action": action,
        "subject": subject,
        "detail": dict(detail or {}),
        "salt": secrets.token_hex(SALT_BYTES),
    }
    packed = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    packed += " " * (-len(packed.encode()) % BLOCK)
    number = last + 1
    entry = AuditEntry(
        number=number,
        sealed=sealing.seal(session, PLACE, str(number), packed),
        # Over what will be read again: JSON knows no tuples.
        hash=_hash(previous, number, json.loads(packed)),
    )
    session.add(entry)
    session.flush()


def record_later(
    session: Session, at: datetime, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Keep what a citizen caused until `append_waiting` adds it to the log, among others: the place
    of an entry would show when it happened.
    """
    name = secrets.token_hex(16)
    content = [at.astimezone(UTC), action, subject, dict(detail)]
    sealed = crypto.encrypt_json(session, WAITING_PLACE, name, content, WAITING_SIZES)
    session.add(WaitingEntry(id=name, content_sealed=sealed))
    session.flush()


def append_waiting(session: Session) -> None:
    """Append what citizens caused since the last time, in random order."""
    table = WaitingEntry
    query = delete(table).returning(table.id, table.content_sealed)
    rows = list(session.execute(query).all())
    secrets.SystemRandom().shuffle(rows)
    for name, sealed in rows:
        at, *content = crypto.decrypt_json(session, WAITING_PLACE, name, sealed)
        action, subject, detail = content
        record(session, datetime.fromisoformat(at), action, subject, detail=detail)


def acts(
    session: Session,
    *,
    action: str | None = None,
    subject: str | None = None,
    staff_id: int | None = None,
) -> Iterator[Act]:
    """What was done, in order; only what has this action, subject and account, where one is given.

    Every row is opened, since nothing in clear tells them apart: nothing for a page that many read.
    Refused `sealed_value_broken` or `sealed_with_unknown_key` at a row that does not open.
    """
    wanted = {"action": action, "subject": subject, "staff_id": staff_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    for number, sealed, _ in chain.from_iterable(chunks(session)):
        said = _open(session, number, sealed)
        if all(said[name] == value for name, value in given.items()):
            yield Act(
                number=number,
                at=datetime.fromisoformat(said["at"]),
                staff_id=said["staff_id"],
                action=said["action"],
                subject=said["subject"],
                detail=said["detail"],
            )


def verify(session: Session) -> tuple[int, bool]:
    """Number of rows, and whether every row is in place and unchanged.

    A cut at the end cannot be seen from the table alone: compare `head` with the one printed in a
    report. A row that no key opens counts as changed; Refused `no_data_key` without any key.
    """
    sealing.keyring(session)
    rows, previous = 0, GENESIS
    for number, sealed, stored in chain.from_iterable(chunks(session)):
        rows += 1
        if number != rows or stored != _expected(session, previous, number, sealed):
            return session.scalar(select(func.count()).select_from(AuditEntry)) or 0, False
        previous = stored
    return rows, True


def lacks_key(session: Session) -> bool:
    """Whether a row is sealed with a key that is not there; then none can say if it was changed."""
    rows = chain.from_iterable(chunks(session))
    return any(not sealing.has_key(session, sealed) for _, sealed, _ in rows)


def head(session: Session) -> str:
    """Hash of the newest row: whoever keeps it can prove later that nothing was cut or rebuilt."""
    return (
        session.scalar(select(AuditEntry.hash).order_by(AuditEntry.number.desc()).limit(1))
        or GENESIS
    )


def chunks(session: Session) -> Iterator[Sequence[Row[int, bytes, str]]]:
    """Number, sealed content and hash of every row, in order; few are held at a time."""
    query = select(AuditEntry.number, AuditEntry.sealed, AuditEntry.hash)
    ordered = query.order_by(AuditEntry.number).limit(ROWS_AT_ONCE)
    rows = session.execute(ordered).all()
    while rows:
        yield rows
        rows = session.execute(ordered.where(AuditEntry.number > rows[-1].number)).all()


def _open(session: Session, number: int, sealed: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(sealing.unseal(session, PLACE, str(number), sealed))
    return said


def _expected(session: Session, previous: str, number: int, sealed: bytes) -> str | None:
    """The hash a row must have; None when it cannot be read."""
    try:
        return _hash(previous, number, _open(session, number, sealed))
    except UNREADABLE:
        return None


def _hash(previous: str, number: int, said: Mapping[str, Any]) -> str:
    names = ["at", "staff_id", "action", "subject", "detail"]
    if "salt" in said:  # acts of before the chain was sealed have none
        names.append("salt")
    content = [previous, number, *(said[name] for name in names)]
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
