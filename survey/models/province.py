"""What the province decides for itself: its rules and its own days off."""

from datetime import date, time
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC, RULES
from survey.db import Base, one_of


class DayKind(StrEnum):
    """How the province's own calendar differs from the national one."""

    EXTRA_OFF = "extra_off"
    SWAP_WORK = "swap_work"


class SendBias(StrEnum):
    """What becomes of a message whose fate nobody can find out."""

    PREFER_MISS = "prefer_miss"
    PREFER_SEND = "prefer_send"


class Province(Base):
    """The one province this installation serves, with the rules it may change."""

    __tablename__ = "province"
    __table_args__ = (
        CheckConstraint("full_percent BETWEEN 0 AND 100", name="full_percent"),
        CheckConstraint("followup_percent BETWEEN 0 AND 100", name="followup_percent"),
        CheckConstraint("phone_gap_days >= 0", name="phone_gap_days"),
        CheckConstraint("phone_week_cap >= 1", name="phone_week_cap"),
        CheckConstraint("reminder_days >= 0", name="reminder_days"),
        CheckConstraint("invite_delay_minutes >= 0", name="invite_delay_minutes"),
        CheckConstraint("link_days BETWEEN 1 AND 90", name="link_days"),
        CheckConstraint("window_start < window_end", name="window"),
        CheckConstraint("confidence_percent BETWEEN 80 AND 99", name="confidence_percent"),
        CheckConstraint("verdict_from >= 5", name="verdict_from"),
        one_of("send_bias", SendBias),
    )

    # Folder name of its reference data, such as khanh_hoa.
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    # Name as in documents: "Khánh Hòa"; targets name their province the same way.
    name: Mapped[str] = mapped_column(String(100))
    # Province part of dossier codes: H32.
    dossier_prefix: Mapped[str] = mapped_column(String(3))
    # Hotline number printed on every public page.
    hotline: Mapped[str] = mapped_column(String(30))
    # Minutes between the finish of a dossier and its invitation.
    invite_delay_minutes: Mapped[int] = mapped_column(default=120)
    # Days a link stays valid after it was made.
    link_days: Mapped[int] = mapped_column(default=14)
    # A dossier finished longer ago than this is not asked about.
    max_age_days: Mapped[int] = mapped_column(default=30)
    # Local time before which no message starts.
    window_start: Mapped[time] = mapped_column(default=time(8))
    # Local time from which no message starts.
    window_end: Mapped[time] = mapped_column(default=time(20))
    # Days between two invitations to one phone; 0 switches the rule off.
    phone_gap_days: Mapped[int] = mapped_column(default=30)
    # Invitations and reminders that one phone gets within seven days, at most.
    phone_week_cap: Mapped[int] = mapped_column(default=5)
    # Days after an invitation on which those who did not answer are reminded once; 0: never.
    reminder_days: Mapped[int] = mapped_column(default=3)
    # More dossiers than this on one phone within `intermediary_days` make it an intermediary.
    intermediary_over: Mapped[int] = mapped_column(default=5)
    intermediary_days: Mapped[int] = mapped_column(default=90)
    # Share of invitations that get the full questionnaire, in percent.
    full_percent: Mapped[int] = mapped_column(default=10)
    # Share of invitations for which a follow-up card is stored, in percent.
    followup_percent: Mapped[int] = mapped_column(default=10)
    # Confidence of the interval printed beside each index, in percent; verdicts use its bounds.
    confidence_percent: Mapped[int] = mapped_column(default=95)
    # Fewest ratings for a verdict that rests on the interval.
    verdict_from: Mapped[int] = mapped_column(default=30)
    # What becomes of messages that stay unknown where the provider cannot be asked.
    send_bias: Mapped[str] = mapped_column(String(12), default=SendBias.PREFER_MISS)

    __clear__: ClassVar = {
        PUBLIC: "code name dossier_prefix hotline",
        RULES: "invite_delay_minutes link_days max_age_days window_start window_end phone_gap_days "
        "phone_week_cap reminder_days intermediary_over intermediary_days full_percent "
        "followup_percent confidence_percent verdict_from send_bias",
    }


class SpecialDay(Base):
    """A day on which the province's calendar differs from the national one."""

    __tablename__ = "special_day"
    __table_args__ = (one_of("kind", DayKind),)

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    # The decision behind it, shown to staff.
    note: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {RULES: "day kind note"}
