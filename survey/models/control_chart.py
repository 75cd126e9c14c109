"""Control charts: CUSUM of ratings that are not satisfied, rate charts, and their alerts.

The control limits come from a phase I baseline that a person sets. The CUSUM score is updated with
batches of several ratings; only sums are stored. All numbers are encrypted, because the difference
between two copies of a sum would reveal how the last few citizens answered, and so would the day of
an alert.
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
    """The control limits of a CUSUM chart, computed from its phase I baseline.

    ValueError for shares outside (0, 1), or unless den > num >= 1 and alarm_at >= 1.
    """

    # Estimated share of ratings that are not satisfied (1–3) in phase I.
    usual: float
    # Upper confidence bound of that share; the limits are computed from it.
    careful: float
    # Ratings per delivered invitation in phase I.
    answer_rate: float
    # A rating that is not satisfied adds den - num to the score, any other subtracts num.
    den: int
    num: int
    # Score from which the chart alarms (H).
    alarm_at: int
    # Least number of ratings in a batch.
    batch: int
    # Expected number of false alarms per month.
    false_alarms: float
    # Number of ratings in phase I.
    rated: int

    def __post_init__(self) -> None:
        """Restate what must hold, as a table's CHECK would."""
        shares = 0 < self.usual < 1 and 0 < self.careful < 1
        if not (shares and self.den > self.num >= 1 and self.alarm_at >= 1):
            message = "no chart has such limits"
            raise ValueError(message)


@dataclass(slots=True)
class ChartState:
    """The running state of a CUSUM chart."""

    # CUSUM score, at least 0.
    score: int = 0
    # While the score is above zero: the day on which it left zero, and the sums since.
    since: date | None = None
    since_delivered: int = 0
    since_rated: int = 0
    since_not_satisfied: int = 0
    # Sums over all months at the end of the last complete batch.
    read_delivered: int = 0
    read_rated: int = 0
    read_not_satisfied: int = 0


def lock_control_charts(session: Session) -> None:
    """Take the advisory lock of the control charts, which serialises reading and changing them."""
    advisory_lock(session, "control_charts")


class _Baseline:
    """The phase I baseline: its first and last month (YYYY-MM), when and by whom it was set."""

    first_month: Mapped[Month] = mapped_column()
    last_month: Mapped[Month] = mapped_column()
    baseline_on: Mapped[date]
    baseline_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class ControlChart(_Baseline, Base):
    """The CUSUM chart of ratings that are not satisfied (1–3) of one agency in one sector group.

    For a batch of n ratings, x not satisfied, S = max(0, S + den x - num n); the chart alarms at
    S >= alarm_at. Source: `analysis.runlength`; for larger batches `analysis.phase_one.batch_step`.
    """

    __tablename__ = "control_chart"
    __table_args__ = (UniqueConstraint("agency_id", "sector_group"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    # Target group (`Sector.target_group`) whose sectors are monitored together.
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
    """Which rate of the data themselves is monitored: invitations delivered, or answered."""

    DELIVERY = "delivery"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of a rate chart, computed from its phase I baseline.

    ValueError unless usual >= 0, careful < 1 and 0 <= rho < 1.
    """

    # Estimated share of invitations not delivered, or of delivered ones not answered, in phase I.
    usual: float
    # Upper confidence bound of that share, with which batches are compared.
    careful: float
    # Correlation within a batch (beta-binomial).
    rho: float

    def __post_init__(self) -> None:
        """Restate what must hold, as a table's CHECK would."""
        if not (self.usual >= 0 and self.careful < 1 and 0 <= self.rho < 1):
            message = "no rate has such limits"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Sums:
    """Number of invitations delivered and answered over all months at the start of a batch."""

    delivered: int = 0
    answered: int = 0


class RateChart(_Baseline, Base):
    """The control chart of a rate: invitations not delivered, or delivered ones not answered."""

    __tablename__ = "rate_chart"
    __table_args__ = (
        one_of("measure", Measure),
        UniqueConstraint("measure", "agency_id"),
        # A UNIQUE constraint treats NULLs as different, so the rows of the whole province need
        # their own index.
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
    # None: the whole province.
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    # First day of the current, incomplete batch.
    batch_from: Mapped[date]
    limits_sealed: Mapped[bytes]
    limits = Sealed[RateLimits](Json(RateLimits, RATE_BYTES), row=("measure", "agency_id"))
    # Sums at the start of the current batch; used for the measure RESPONSE only.
    sums_sealed: Mapped[bytes]
    sums = Sealed[Sums](Json(Sums, SUMS_BYTES), row=("measure", "agency_id"))

    __clear__: ClassVar = {
        STAFF: f"id measure agency_id {BASELINE}",
        "moves on by whole batches of a fixed length": "batch_from",
    }


class ControlRule(StrEnum):
    """Why a control chart raises an alert."""

    # Satisfaction fell.
    QUALITY_DROP = "quality_drop"
    # Fewer invitations are delivered.
    DELIVERY_DIP = "delivery_dip"
    # Fewer delivered invitations are answered.
    RESPONSE_DIP = "response_dip"


@dataclass(frozen=True, slots=True)
class Signal:
    """The figures of an alert: first and last day, usual share, observed number, probability."""

    # First and last day of the period to which the figures belong.
    since: date
    until: date
    # Usual share, from the baseline.
    expected: float
    # `seen` of `out_of` were not satisfied, not delivered, or not answered, according to the rule.
    seen: int
    out_of: int
    # QUALITY_DROP: expected number of false alarms of this chart per month. DELIVERY_DIP and
    # RESPONSE_DIP: probability of at least `seen` in one batch by chance.
    chance: float


class AlertKey(NamedTuple):
    """Identity of an open alert: rule, agency (None: province), sector group (empty: all)."""

    rule: ControlRule
    agency_id: int | None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """The encrypted content of an alert: key, opening, figures and closing."""

    key: AlertKey
    # Local midnight of the day.
    opened_at: datetime
    signal: Signal
    closed_at: datetime | None = None
    # Account that closed it, and what that person found.
    closed_by: int | None = None
    close_words: str = ""


def name_of(key: AlertKey) -> str:
    """The text of a key that is hashed for the blind index."""
    return f"{key.rule}|{key.agency_id or ''}|{key.scope}"


def _indexed_text(alert: "ControlAlert", record: AlertRecord) -> str:
    return str(alert.id) if record.closed_at else name_of(record.key)


class ControlAlert(Base):
    """An alert of a control chart; no column in clear reveals its agency, rule or day."""

    __tablename__ = "control_alert"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    # Blind index of the key, so that one alert of a key is open at most; of the id after closing.
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    record_sealed: Mapped[bytes]
    record = Sealed[AlertRecord](
        Json(AlertRecord, RECORD_BYTES), row=("id",), index=BlindIndex("key_hash", _indexed_text)
    )

    __clear__: ClassVar = {RANDOM: "id"}
