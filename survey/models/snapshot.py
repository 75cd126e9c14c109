"""The figures of a closed period, stored once and never changed.

The whole is encrypted: what it says of a procedure is finer than what the counts of cells say, and
a dossier is often the only one of its procedure. What may be published stands beside it in clear:
a lost key loses no public figure.
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

# Payloads have a multiple of it, compressed: a length would reveal small numbers.
PAYLOAD_BYTES = 1 << 16


class Approval(Base):
    """A leader's word that the report of a snapshot may leave the office: given once."""

    __tablename__ = "approval"

    snapshot_id: Mapped[int] = mapped_column(
        ForeignKey("snapshot.id"), primary_key=True, autoincrement=False
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    # Name of the account at that time, as reports print it.
    name: Mapped[str] = mapped_column(String(200))
    approved_at: Mapped[datetime]

    __clear__: ClassVar = {STAFF: "snapshot_id staff_id name approved_at"}


class Snapshot(Base):
    """One closing of one month: every figure that a report may print, with formula and digest."""

    __tablename__ = "snapshot"
    __table_args__ = (
        UniqueConstraint("month", "number"),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # YYYY-MM, local.
    month: Mapped[Month] = mapped_column()
    # 1 for the first closing of the month, the one that holds.
    number: Mapped[int]
    closed_at: Mapped[datetime]
    # Name and version of the index formula.
    formula: Mapped[str] = mapped_column(String(60))
    # SHA-256 of the payload.
    digest: Mapped[str] = mapped_column(String(64))
    # What pages and reports publish of it: no line that must be suppressed (`indices.published`).
    published: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    # Canonical JSON (sorted keys, no blanks) of all figures.
    payload_sealed: Mapped[bytes] = mapped_column(deferred=True)
    payload = Sealed[str](PackedText(PAYLOAD_BYTES), row=("month", "number"))

    __clear__: ClassVar = {
        "published": "id month number closed_at formula published",
        "with a random salt under the hash": "digest",
    }

    def store(self, payload: str, published: dict[str, Any]) -> None:
        """Take a payload, with the digest that identifies it, and its public part."""
        self.digest = hashlib.sha256(payload.encode()).hexdigest()
        self.payload, self.published = payload, published


def closings_of(session: Session) -> Mapping[Month, int]:
    """Month (YYYY-MM) → how often it was closed."""
    query = select(Snapshot.month, func.count()).group_by(Snapshot.month)
    return Counter(dict(session.execute(query).all()))
