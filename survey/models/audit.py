"""The audit log: what staff and the platform did, readable; what a citizen caused, encrypted.

Each is a chain of its own. One numbering for both would place a citizen's act between two instants.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import RANDOM, STAFF
from survey.crypto.sealed import Json, Sealed
from survey.db import Base

# The length of an act, so that it says nothing of what was done.
ENTRY_SIZES = tuple(512 * step for step in range(1, 33))


class _Chained:
    """A row of a chain, bound to the one before it."""

    # Without a gap, from 1.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)
    # SHA-256 over the previous row's hash and what this row says.
    hash: Mapped[str] = mapped_column(String(64), sort_order=-1)


class AuditEntry(_Chained, Base):
    """One act of staff or of the platform that no citizen caused: ids, codes, no personal data."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_at", "at"),)

    at: Mapped[datetime]
    # Who did it; empty: the platform.
    staff_id: Mapped[int | None]
    # What was done, such as text.approved, and to what, such as text:invitation/1.
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(120))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __clear__: ClassVar = {STAFF: "number hash at staff_id action subject detail"}


class CitizenEntry(_Chained, Base):
    """One act that a citizen caused, by answering or as the subject of it. When staff took or
    closed which case would show a thief who had been asked just before.
    """

    __tablename__ = "citizen_entry"

    # The act as a mapping (at, staff_id, action, subject, detail, salt).
    entry_sealed: Mapped[bytes]
    entry = Sealed[dict[str, Any]](Json(dict[str, Any], *ENTRY_SIZES), row=("number",))

    __clear__: ClassVar = {"an order without moments, a random salt under the hash": "number hash"}


class WaitingEntry(Base):
    """What a citizen caused, until it is appended to its chain among others."""

    __tablename__ = "waiting_entry"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The act as a mapping (at, action, subject, detail).
    entry_sealed: Mapped[bytes]
    entry = Sealed[dict[str, Any]](Json(dict[str, Any], *ENTRY_SIZES), row=("id",))

    __clear__: ClassVar = {RANDOM: "id"}
