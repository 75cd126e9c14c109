"""Settings that the province decides: its rules, and its exceptions to the national calendar."""

from datetime import date, time
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC, RULES
from survey.db import Base, one_of


class DayKind(StrEnum):
    """How a day differs from the national calendar: an extra day off, or a day of work."""

    EXTRA_OFF = "extra_off"
    SWAP_WORK = "swap_work"


class SendBias(StrEnum):
    """What to risk for a message with unknown result: that it is missed, or that it is sent twice.

    The rule applies to providers that cannot be asked about past messages.
    """

    PREFER_MISS = "prefer_miss"
    PREFER_SEND = "prefer_send"


class Province(Base):
    """The province that this installation serves, with its settings; the table has one row."""

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
    # Name as in documents, such as "Khánh Hòa"; `Target.province` uses the same name.
    name: Mapped[str] = mapped_column(String(100))
    # First part of the province's dossier codes, such as H32.
    dossier_prefix: Mapped[str] = mapped_column(String(3))
    # Phone number of the hotline, printed on every public page.
    hotline: Mapped[str] = mapped_column(String(30))
    # Minutes between the finish of a dossier and its invitation.
    invite_delay_minutes: Mapped[int] = mapped_column(default=120)
    # Days for which a link is valid.
    link_days: Mapped[int] = mapped_column(default=14)
    # Dossiers that finished more days ago than this get no invitation.
    max_age_days: Mapped[int] = mapped_column(default=30)
    # Start of the daily send window, local time (inclusive).
    window_start: Mapped[time] = mapped_column(default=time(8))
    # End of the daily send window, local time (exclusive).
    window_end: Mapped[time] = mapped_column(default=time(20))
    # Least number of days between two invitations to one phone; 0: no limit.
    phone_gap_days: Mapped[int] = mapped_column(default=30)
    # Largest number of invitations and reminders to one phone within seven days.
    phone_week_cap: Mapped[int] = mapped_column(default=5)
    # Days from an invitation to its only reminder, if there is no answer; 0: no reminders.
    reminder_days: Mapped[int] = mapped_column(default=3)
    # A phone with more dossiers than this within `intermediary_days` is that of an intermediary.
    intermediary_over: Mapped[int] = mapped_column(default=5)
    intermediary_days: Mapped[int] = mapped_column(default=90)
    # Share of invitations with the full questionnaire, in percent.
    full_percent: Mapped[int] = mapped_column(default=10)
    # Share of invitations for which a follow-up card is stored, in percent.
    followup_percent: Mapped[int] = mapped_column(default=10)
    # Confidence level of the interval of each index, in percent; verdicts use its bounds.
    confidence_percent: Mapped[int] = mapped_column(default=95)
    # Least number of ratings for a verdict based on the interval.
    verdict_from: Mapped[int] = mapped_column(default=30)
    # What happens to messages with unknown result if the provider cannot be asked (SendBias).
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
    # The decision that sets it, shown to staff.
    note: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {RULES: "day kind note"}
