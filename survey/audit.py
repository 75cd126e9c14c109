"""The append-only audit chain: one row per act, each hashed with the one before."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from survey.models.audit import AuditEntry

GENESIS = "0" * 64
# Any fixed number: all writers of the chain take the same PostgreSQL lock.
CHAIN_LOCK = 5_207_001


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
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).first()
    entry = AuditEntry(
        number=last.number + 1 if last else 1,
        at=now.astimezone(UTC),
        staff_id=staff_id,
        action=action,
        subject=subject,
        detail=dict(detail or {}),
    )
    entry.hash = _hash(last.hash if last else GENESIS, entry)
    session.add(entry)
    session.flush()


def verify(session: Session) -> tuple[int, bool]:
    """Number of rows, and whether every row is in place and unchanged.

    A cut at the end cannot be seen from the table alone: compare `head` with the one printed in a
    report.
    """
    rows, previous = 0, GENESIS
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.number)).yield_per(1000):
        rows += 1
        if entry.number != rows or entry.hash != _hash(previous, entry):
            return session.scalar(select(func.count()).select_from(AuditEntry)) or 0, False
        previous = entry.hash
    return rows, True


def head(session: Session) -> str:
    """Hash of the newest row: whoever keeps it can prove later that nothing was cut or rebuilt."""
    return (
        session.scalar(select(AuditEntry.hash).order_by(AuditEntry.number.desc()).limit(1))
        or GENESIS
    )


def _hash(previous: str, entry: AuditEntry) -> str:
    content = [
        previous,
        entry.number,
        entry.at.isoformat(),
        entry.staff_id,
        entry.action,
        entry.subject,
        entry.detail,
    ]
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
