"""Alerts of the watch and of sending: at most one open per rule, agency and scope, kept so by the
database.

Those of the watch carry a signal (`survey.models.watch`). Alerts of bad answers are no rows: the
open cases of a reason and an agency are one (`survey.cases.queue`).
"""

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

    # Of the watch: satisfaction fell; invitations do not arrive; citizens answer less.
    QUALITY_DROP = "quality_drop"
    DELIVERY_DIP = "delivery_dip"
    RESPONSE_DIP = "response_dip"
    # Of sending, for the operator; `scope` says which budget, or which provider.
    SMS_BUDGET_NEAR = "sms_budget_near"
    SMS_BUDGET_SPENT = "sms_budget_spent"
    SMS_PAUSED = "sms_paused"
    SMS_UNCLEAR = "sms_unclear"


class Alert(Base):
    """Something at one agency, in the province or in sending that needs a person."""

    __tablename__ = "alert"
    __table_args__ = (
        one_of("rule", AlertRule),
        CheckConstraint("closed_at IS NULL OR closed_at >= opened_at", name="closed_after_opened"),
        Index(
            "uq_alert_open_rule_agency_id_scope",
            "rule",
            "agency_id",
            "scope",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        # NULLs are not equal to one another: the whole province needs an index of its own.
        Index(
            "uq_alert_open_rule_scope",
            "rule",
            "scope",
            unique=True,
            sqlite_where=text("closed_at IS NULL AND agency_id IS NULL"),
            postgresql_where=text("closed_at IS NULL AND agency_id IS NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    rule: Mapped[str] = mapped_column(String(20))
    # Empty: the whole province.
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"), index=True)
    # What of the agency: the target group of its sectors, for a fall of quality.
    scope: Mapped[str] = mapped_column(String(40), default="")
    # Local midnight of the day, or the instant for what befalls sending.
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
