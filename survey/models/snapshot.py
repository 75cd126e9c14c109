"""The figures of a closed period, stored once and never changed.

They are sealed: what they say of a procedure is finer than what the counts of cells say, and a
dossier is often the only one of its procedure.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey import sealing
from survey.db import Base

# Payloads are sealed at multiples of it, compressed: a length would tell of small numbers.
PAYLOAD_BYTES = 1 << 16


class Approval(Base):
    """A leader's word that the report of a snapshot may leave the office: given once."""

    __tablename__ = "approval"

    snapshot_id: Mapped[int] = mapped_column(
        ForeignKey("snapshot.id"), primary_key=True, autoincrement=False
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    # Name of the account at that moment, as reports print it.
    name: Mapped[str] = mapped_column(String(200))
    approved_at: Mapped[datetime]


class Snapshot(Base):
    """One closing of one month: every figure that a report may print, with formula and digest."""

    __tablename__ = "snapshot"
    __table_args__ = (
        UniqueConstraint("month", "number"),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # YYYY-MM, local.
    month: Mapped[str] = mapped_column(String(7))
    # 1 for the first closing of the month, the one that holds.
    number: Mapped[int]
    closed_at: Mapped[datetime]
    # Name and version of the index formula.
    formula: Mapped[str] = mapped_column(String(60))
    # SHA-256 of the payload.
    digest: Mapped[str] = mapped_column(String(64))
    # Canonical JSON (sorted keys, no blanks) of all figures.
    payload_sealed: Mapped[bytes] = mapped_column(deferred=True)

    def payload(self, session: Session) -> str:
        """Its payload; Refused when it was moved or changed or needs a key that is not there."""
        packed = sealing.unseal_bytes(session, *self._place, self.payload_sealed)
        return sealing.unpadded(packed).decode()

    def keep(self, session: Session, payload: str) -> None:
        """Take a payload, with the digest by which any other is told apart."""
        self.digest = hashlib.sha256(payload.encode()).hexdigest()
        self.seal(session, payload)

    def seal(self, session: Session, payload: str) -> None:
        """Seal its payload with the current key."""
        packed = sealing.padded(payload.encode(), PAYLOAD_BYTES)
        self.payload_sealed = sealing.seal_bytes(session, *self._place, packed)

    @property
    def _place(self) -> tuple[str, str]:
        return "snapshot.payload", f"{self.month}/{self.number}"


def closings_of(session: Session) -> Mapping[str, int]:
    """Month (YYYY-MM) → how often it was closed."""
    query = select(Snapshot.month, func.count()).group_by(Snapshot.month)
    return Counter(dict(session.execute(query).all()))
