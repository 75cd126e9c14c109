"""Alerts: at most one open per rule and agency, kept so by the database."""

import secrets
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base, one_of

ID_BITS = 62


def unordered_id() -> int:
    """A random key: it says nothing about what came before what."""
    return secrets.randbits(ID_BITS)


class AlertRule(StrEnum):
    """Why an alert is raised."""

    VERY_BAD_RATING = "very_bad_rating"
    GRAVE_WORDS = "grave_words"
    CALL_BACK_WISH = "call_back_wish"


class Alert(Base):
    """Something at one agency that needs a person; its cases point to it."""

    __tablename__ = "alert"
    __table_args__ = (
        one_of("rule", AlertRule),
        CheckConstraint("closed_at IS NULL OR closed_at >= opened_at", name="closed_after_opened"),
        Index(
            "uq_alert_open_rule_agency_id",
            "rule",
            "agency_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    rule: Mapped[str] = mapped_column(String(20))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    # As with the case that opened it: a day, or an instant.
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
