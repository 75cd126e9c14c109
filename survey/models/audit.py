"""The audit chain: every act of staff and platform, each row bound to the one before."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base


class AuditEntry(Base):
    """One act. Nothing in clear tells what was done, to what, by whom or when."""

    __tablename__ = "audit_entry"

    # Without a gap, from 1.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # The act as JSON (at, staff_id, action, subject, detail, salt), padded, sealed for this number.
    sealed: Mapped[bytes]
    # SHA-256 over the previous row's hash and this row's content.
    hash: Mapped[str] = mapped_column(String(64))


class WaitingEntry(Base):
    """What a citizen caused, until it is appended to the log among others."""

    __tablename__ = "audit_waiting"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Random hex; also the row's name in encrypted values.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # Instant, action, subject and detail.
    content_sealed: Mapped[bytes]
