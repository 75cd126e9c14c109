"""Snapshots of all figures at a period close, stored once and never changed; leaders' approvals.

The payload is encrypted, because its figures by procedure are finer than the counts in clear and a
dossier is often the only one of its procedure. The figures that may be published are also stored in
clear, so that no public figure is lost with a key.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    String,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey.crypto.reasons import STAFF
from survey.crypto.sealed import PackedText, Sealed
from survey.db import Base
from survey.period import Month

# Compressed payloads are padded to a multiple of this: their length would reveal small numbers.
PAYLOAD_BYTES = 1 << 16


class Approval(Base):
    """A leader's approval to release the report of a snapshot; one per snapshot."""

    __tablename__ = "approval"

    snapshot_id: Mapped[int] = mapped_column(
        ForeignKey("snapshot.id"), primary_key=True, autoincrement=False
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    # Name of the account at the time of approval, as printed in reports.
    name: Mapped[str] = mapped_column(String(200))
    approved_at: Mapped[datetime]

    __clear__: ClassVar = {STAFF: "snapshot_id staff_id name approved_at"}


class Snapshot(Base):
    """The snapshot of a period close of a month: all figures of reports, formula and digest."""

    __tablename__ = "snapshot"
    __table_args__ = (
        UniqueConstraint("month", "number"),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Local month (YYYY-MM).
    month: Mapped[Month] = mapped_column()
    # Counted from 1 for each month; the first close is the one that is valid.
    number: Mapped[int]
    closed_at: Mapped[datetime]
    # Name and version of the index formula.
    formula: Mapped[str] = mapped_column(String(60))
    # SHA-256 of the payload.
    digest: Mapped[str] = mapped_column(String(64))
    # The figures that may be published, after disclosure control (`indices.published`).
    published: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    # All figures as canonical JSON (sorted keys, no spaces).
    payload_sealed: Mapped[bytes] = mapped_column(deferred=True)
    payload = Sealed[str](PackedText(PAYLOAD_BYTES), row=("month", "number"))

    __clear__: ClassVar = {
        "published": "id month number closed_at formula published",
        "with a random salt under the hash": "digest",
    }

    def store(self, payload: str, published: dict[str, Any]) -> None:
        """Store a payload with its digest, and the part that may be published."""
        self.digest = hashlib.sha256(payload.encode()).hexdigest()
        self.payload, self.published = payload, published


def closings_of(session: Session) -> Mapping[Month, int]:
    """Number of period closes by month; 0 for months that were never closed."""
    query = select(Snapshot.month, func.count()).group_by(Snapshot.month)
    return Counter(dict(session.execute(query).all()))
