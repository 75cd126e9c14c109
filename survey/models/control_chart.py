"""Control charts: control limits from a baseline and a running CUSUM score per agency and sector
group.

The limits come from a phase I baseline that a person sets. Scores move with batches of several
ratings and keep sums only. All numbers are encrypted: what was added to a sum since would reveal
how the last few answered, and so would the day of an alert.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from survey.crypto.reasons import RANDOM, STAFF
from survey.crypto.sealed import BlindIndex, Json, Sealed
from survey.db import Base, advisory_lock, one_of
from survey.models.operator_alert import unordered_id
from survey.models.organisation import Agency
from survey.period import Month

LIMITS_BYTES, STATE_BYTES, RATE_BYTES, SUMS_BYTES, RECORD_BYTES = 320, 320, 128, 96, 2560
BASELINE = "first_month last_month baseline_on baseline_by"


@dataclass(frozen=True, slots=True)
class BaselineLimits:
    """The control limits of a chart, from its baseline. ValueError for shares and steps that no
    chart can have.
    """

    # Share of ratings that are not satisfied (1–3) in phase I, and the share the limit stands on.
    usual: float
    careful: float
    # Answers per delivered invitation in phase I.
    answer_rate: float
    den: int
    num: int
    alarm_at: int
    # Least ratings of a batch.
    batch: int
    # False alarms this chart is expected to raise a month.
    false_alarms: float
    # Ratings in phase I.
    rated: int

    def __post_init__(self) -> None:
        """Restate what must hold, as a table's CHECK would."""
        shares = 0 < self.usual < 1 and 0 < self.careful < 1
        if not (shares and self.den > self.num >= 1 and self.alarm_at >= 1):
            message = "no chart has such limits"
            raise ValueError(message)


@dataclass(slots=True)
class ChartState:
    """The running state of a chart."""

    # The score and, while it is above zero, the day it left zero and the sums since.
    score: int = 0
    since: date | None = None
    since_delivered: int = 0
    since_rated: int = 0
    since_not_satisfied: int = 0
    # Sums over all months at the last reading.
    read_delivered: int = 0
    read_rated: int = 0
    read_not_satisfied: int = 0


def lock_control_charts(session: Session) -> None:
    """Take the advisory lock of the control charts: their values are read and changed by one at a
    time.
    """
    advisory_lock(session, "control_charts")


class _Baseline:
    """When a person set the baseline, and from which months (YYYY-MM)."""

    first_month: Mapped[Month] = mapped_column()
    last_month: Mapped[Month] = mapped_column()
    baseline_on: Mapped[date]
    baseline_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class ControlChart(_Baseline, Base):
    """The CUSUM of ratings of 1–3 (not satisfied) of one agency in one sector group.

    S = max(0, S + den x - num n) for a batch of n ratings, x not satisfied; alarm at S >= limit.
    """

    __tablename__ = "control_chart"
    __table_args__ = (UniqueConstraint("agency_id", "sector_group"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    # Target group of the sectors monitored together.
    sector_group: Mapped[str] = mapped_column(String(40))
    limits_sealed: Mapped[bytes]
    limits = Sealed[BaselineLimits](
        Json(BaselineLimits, LIMITS_BYTES), row=("agency_id", "sector_group")
    )
    state_sealed: Mapped[bytes]
    state = Sealed[ChartState](Json(ChartState, STATE_BYTES), row=("agency_id", "sector_group"))

    agency: Mapped[Agency] = relationship()

    __clear__: ClassVar = {STAFF: f"id agency_id sector_group {BASELINE}"}


class Measure(StrEnum):
    """What is monitored about the data themselves."""

    DELIVERY = "delivery"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of a rate, from its baseline: the share not delivered or not answered in phase I,
    the share a batch is compared with, and the correlation within a batch. ValueError for other
    than shares.
    """

    usual: float
    careful: float
    rho: float

    def __post_init__(self) -> None:
        """Restate what must hold, as a table's CHECK would."""
        if not (self.usual >= 0 and self.careful < 1 and 0 <= self.rho < 1):
            message = "no rate has such limits"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Sums:
    """Invitations delivered and answered over all months, at the begin of a batch."""

    delivered: int = 0
    answered: int = 0


class RateChart(_Baseline, Base):
    """How often invitations usually are not delivered, or delivered ones not answered."""

    __tablename__ = "rate_chart"
    __table_args__ = (
        one_of("measure", Measure),
        UniqueConstraint("measure", "agency_id"),
        # NULLs are not equal to one another: the whole province has one row a measure.
        Index(
            "uq_rate_chart_province",
            "measure",
            unique=True,
            sqlite_where=text("agency_id IS NULL"),
            postgresql_where=text("agency_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(String(10))
    # Empty: the whole province.
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    # First day of the batch now being gathered; of answers, the sums at its begin.
    batch_from: Mapped[date]
    limits_sealed: Mapped[bytes]
    limits = Sealed[RateLimits](Json(RateLimits, RATE_BYTES), row=("measure", "agency_id"))
    sums_sealed: Mapped[bytes]
    sums = Sealed[Sums](Json(Sums, SUMS_BYTES), row=("measure", "agency_id"))

    __clear__: ClassVar = {
        STAFF: f"id measure agency_id {BASELINE}",
        "moves on by whole batches of a fixed length": "batch_from",
    }


class ControlRule(StrEnum):
    """Why a control chart raises an alert."""

    # Satisfaction fell; invitations do not arrive; citizens answer less.
    QUALITY_DROP = "quality_drop"
    DELIVERY_DIP = "delivery_dip"
    RESPONSE_DIP = "response_dip"


@dataclass(frozen=True, slots=True)
class Signal:
    """What the alert of a control chart says: what moved, since when, expected and seen, how
    sure.
    """

    # First and last day of what was looked at.
    since: date
    until: date
    # Usual share and, of `out_of`, how many were seen: not satisfied, not delivered, not answered.
    expected: float
    seen: int
    out_of: int
    # False alarms a month: of this chart alone; for data, the chance that one look says this.
    chance: float


class AlertKey(NamedTuple):
    """Rule, agency (None: the whole province) and sector group (empty: all) of an alert."""

    rule: ControlRule
    agency_id: int | None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """The record of an alert: its key, when it was opened, what it says, and how it ended."""

    key: AlertKey
    # Local midnight of the day.
    opened_at: datetime
    signal: Signal
    closed_at: datetime | None = None
    # Who looked into it, and what was found.
    closed_by: int | None = None
    close_words: str = ""


def name_of(key: AlertKey) -> str:
    """A key as the text that is hashed (blind index)."""
    return f"{key.rule}|{key.agency_id or ''}|{key.scope}"


def _indexed_text(alert: "ControlAlert", record: AlertRecord) -> str:
    return str(alert.id) if record.closed_at else name_of(record.key)


class ControlAlert(Base):
    """An alert of a control chart. Nothing in clear says where it is or when it was raised."""

    __tablename__ = "control_alert"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    # Of rule and place, so that one is open at most; of the id once it is closed.
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    record_sealed: Mapped[bytes]
    record = Sealed[AlertRecord](
        Json(AlertRecord, RECORD_BYTES), row=("id",), index=BlindIndex("key_hash", _indexed_text)
    )

    __clear__: ClassVar = {RANDOM: "id"}
