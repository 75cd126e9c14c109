"""What is watched: one frozen limit and one running score per agency and sector group.

The limits of phase I are frozen by a person. Scores move with batches of several ratings and keep
sums only: no row here tells when anybody answered, and none is kept day by day.
"""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.db import Base, one_of
from survey.models.alert import Alert
from survey.models.organisation import Agency


class WatchChart(Base):
    """The CUSUM of dissatisfied ratings of one agency in one sector group.

    S = max(0, S + den x - num n) for a batch of n ratings with x dissatisfied; alarm at S >= limit.
    """

    __tablename__ = "watch_chart"
    __table_args__ = (
        UniqueConstraint("agency_id", "sector_group"),
        CheckConstraint("usual > 0 AND usual < 1 AND careful > 0 AND careful < 1", name="shares"),
        CheckConstraint("den > num AND num >= 1 AND alarm_at >= 1", name="steps"),
        CheckConstraint("score >= 0 AND since_rated >= 0", name="not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    # Target group of the sectors watched together.
    sector_group: Mapped[str] = mapped_column(String(40))

    # Frozen. Share of dissatisfied ratings (1–3) in phase I, and the share the limit stands on.
    usual: Mapped[float]
    careful: Mapped[float]
    # Answers per delivered invitation in phase I.
    answer_rate: Mapped[float]
    den: Mapped[int]
    num: Mapped[int]
    alarm_at: Mapped[int]
    # Least ratings of a batch.
    batch: Mapped[int]
    # False alarms this chart is expected to raise a month.
    false_alarms: Mapped[float]
    # Months (YYYY-MM) of phase I and the ratings in them.
    first_month: Mapped[str] = mapped_column(String(7))
    last_month: Mapped[str] = mapped_column(String(7))
    rated: Mapped[int]
    frozen_on: Mapped[date]
    frozen_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))

    # Moving. The score and, while it is above zero, the day it left zero and the sums since.
    score: Mapped[int] = mapped_column(default=0)
    since: Mapped[date | None]
    since_delivered: Mapped[int] = mapped_column(default=0)
    since_rated: Mapped[int] = mapped_column(default=0)
    since_dissatisfied: Mapped[int] = mapped_column(default=0)
    # Sums over all months at the last reading.
    read_delivered: Mapped[int] = mapped_column(default=0)
    read_rated: Mapped[int] = mapped_column(default=0)
    read_dissatisfied: Mapped[int] = mapped_column(default=0)

    agency: Mapped[Agency] = relationship()


class Measure(StrEnum):
    """What is watched about the data themselves."""

    DELIVERY = "delivery"
    RESPONSE = "response"


class WatchRate(Base):
    """How often invitations usually are not delivered, or delivered ones not answered."""

    __tablename__ = "watch_rate"
    __table_args__ = (
        one_of("measure", Measure),
        UniqueConstraint("measure", "agency_id"),
        # NULLs are not equal to one another: the whole province has one row a measure.
        Index(
            "uq_watch_rate_province",
            "measure",
            unique=True,
            sqlite_where=text("agency_id IS NULL"),
            postgresql_where=text("agency_id IS NULL"),
        ),
        CheckConstraint("usual >= 0 AND careful < 1 AND rho >= 0 AND rho < 1", name="shares"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(String(10))
    # Empty: the whole province.
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    # Frozen. Share not delivered or not answered in phase I, the share a batch is judged by, and
    # the correlation within a batch.
    usual: Mapped[float]
    careful: Mapped[float]
    rho: Mapped[float]
    first_month: Mapped[str] = mapped_column(String(7))
    last_month: Mapped[str] = mapped_column(String(7))
    frozen_on: Mapped[date]
    frozen_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    # Moving. First day of the batch now being gathered; of answers, the sums at its begin.
    batch_from: Mapped[date]
    read_delivered: Mapped[int] = mapped_column(default=0)
    read_answered: Mapped[int] = mapped_column(default=0)


class Signal(Base):
    """What an alert of the watch says: what moved, since when, expected and seen, how sure."""

    __tablename__ = "alert_signal"
    __table_args__ = (
        CheckConstraint("seen >= 0 AND seen <= out_of", name="seen"),
        CheckConstraint("chance >= 0", name="chance"),
    )

    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    # First and last day of what was looked at.
    since: Mapped[date]
    until: Mapped[date]
    # Usual share and, of `out_of`, how many were seen: dissatisfied, not delivered, not answered.
    expected: Mapped[float]
    seen: Mapped[int]
    out_of: Mapped[int]
    # False alarms a month: of this chart alone; for data, the chance that one look says this.
    chance: Mapped[float]
    # The end: who looked into it, and what was found.
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    close_words: Mapped[str] = mapped_column(String(500), default="")

    alert: Mapped[Alert] = relationship()
