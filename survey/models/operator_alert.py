"""Operator alerts about sending; a unique index allows one open alert per rule and scope.

Other alerts are not stored here: those of control charts are encrypted
(`survey.models.control_chart`), and the open cases of one reason and agency form one group
(`survey.cases.queue`).
"""

import secrets
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import RANDOM
from survey.db import Base, one_of

ID_BITS = 62


def unordered_id() -> int:
    """A random primary key of 62 bits, which does not reveal the order in which rows were added."""
    return secrets.randbits(ID_BITS)


class AlertRule(StrEnum):
    """Why an alert is raised."""

    SMS_BUDGET_NEAR = "sms_budget_near"
    SMS_BUDGET_SPENT = "sms_budget_spent"
    SMS_PAUSED = "sms_paused"
    SMS_UNCLEAR = "sms_unclear"


class Alert(Base):
    """A problem with sending messages that an operator must solve."""

    __tablename__ = "alert"
    __table_args__ = (
        one_of("rule", AlertRule),
        CheckConstraint("closed_at IS NULL OR closed_at >= opened_at", name="closed_after_opened"),
        Index(
            "uq_alert_open_rule_scope",
            "rule",
            "scope",
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
    # Which budget or provider the alert is about.
    scope: Mapped[str] = mapped_column(String(40), default="")
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __clear__: ClassVar = {
        RANDOM: "id",
        "sending of a whole province stands still or its budget ends": "rule scope opened_at "
        "closed_at",
    }
