"""The figures of a closed period, stored once and never changed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base


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
    # SHA-256 of `payload`.
    digest: Mapped[str] = mapped_column(String(64))
    # SHA-256 of what the figures were computed from: the answers counted, and the payload's
    # `inputs`. Empty for formulas before the post-stratified one.
    inputs_digest: Mapped[str] = mapped_column(String(64), default="")
    # Canonical JSON (sorted keys, no blanks) of all figures.
    payload: Mapped[str] = mapped_column(Text)
