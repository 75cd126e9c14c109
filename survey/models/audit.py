"""The audit log in two hash chains: acts of staff and platform in clear, citizens' acts encrypted.

With one numbering for both, the neighbours of a citizen's act would reveal when it happened.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import RANDOM, STAFF
from survey.crypto.sealed import Json, Sealed
from survey.db import Base

# Padded sizes of an act, so that its length does not reveal what was done.
ENTRY_SIZES = tuple(512 * step for step in range(1, 33))


class _Chained:
    """A row of a hash chain: its hash covers the hash of the previous row."""

    # Counted from 1 without gaps.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)
    # SHA-256 over the previous row's hash, the number and the content of this row.
    hash: Mapped[str] = mapped_column(String(64), sort_order=-1)


class AuditEntry(_Chained, Base):
    """An act of staff or platform that no citizen caused: ids and codes, no personal data."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_at", "at"),)

    at: Mapped[datetime]
    # Account that acted; None: the platform.
    staff_id: Mapped[int | None]
    # What was done, such as text.approved.
    action: Mapped[str] = mapped_column(String(60))
    # To what it was done, such as text:invitation/1.
    subject: Mapped[str] = mapped_column(String(120))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __clear__: ClassVar = {STAFF: "number hash at staff_id action subject detail"}


class CitizenEntry(_Chained, Base):
    """An act that a citizen caused, or an act of staff on a citizen's case; encrypted.

    From the times at which staff took or closed a case, somebody with a stolen database could infer
    whose answer it is, because the citizen had been asked shortly before.
    """

    __tablename__ = "citizen_entry"

    # The act as a mapping with the keys at, staff_id, action, subject, detail and salt.
    entry_sealed: Mapped[bytes]
    entry = Sealed[dict[str, Any]](Json(dict[str, Any], *ENTRY_SIZES), row=("number",))

    __clear__: ClassVar = {"an order without moments, a random salt under the hash": "number hash"}


class WaitingEntry(Base):
    """A citizen's act that waits to be appended, shuffled with others, to the encrypted chain."""

    __tablename__ = "waiting_entry"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The act as a mapping with the keys at, action, subject and detail.
    entry_sealed: Mapped[bytes]
    entry = Sealed[dict[str, Any]](Json(dict[str, Any], *ENTRY_SIZES), row=("id",))

    __clear__: ClassVar = {RANDOM: "id"}
