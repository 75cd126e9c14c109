"""The audit chain: every act of staff and platform, each row bound to the one before."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base


class AuditEntry(Base):
    """One act. Subjects are ids and codes, never personal data."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_staff_id_action_at", "staff_id", "action", "at"),)

    # Without a gap, from 1.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    # Dotted verb, such as case.reveal.
    action: Mapped[str] = mapped_column(String(40))
    # What it was done to, such as case:PA7F3K2Q.
    subject: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    # SHA-256 over the previous row's hash and this row's content.
    hash: Mapped[str] = mapped_column(String(64))
