"""What is watched: one frozen limit and one running score per agency and sector group.

The limits of phase I are frozen by a person. Scores move with batches of several ratings and keep
sums only. Where they stand is sealed: what was added since would tell how the last few answered.
"""

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from survey import sealing
from survey.db import Base, one_of
from survey.models.alert import Alert
from survey.models.organisation import Agency

PROGRESS_BYTES, SUMS_BYTES, SIGNAL_BYTES = 320, 96, 256


@dataclass(slots=True)
class Progress:
    """Where a chart stands."""

    # The score and, while it is above zero, the day it left zero and the sums since.
    score: int = 0
    since: date | None = None
    since_delivered: int = 0
    since_rated: int = 0
    since_dissatisfied: int = 0
    # Sums over all months at the last reading.
    read_delivered: int = 0
    read_rated: int = 0
    read_dissatisfied: int = 0


class WatchChart(Base):
    """The CUSUM of dissatisfied ratings of one agency in one sector group.

    S = max(0, S + den x - num n) for a batch of n ratings with x dissatisfied; alarm at S >= limit.
    """

    __tablename__ = "watch_chart"
    __table_args__ = (
        UniqueConstraint("agency_id", "sector_group"),
        CheckConstraint("usual > 0 AND usual < 1 AND careful > 0 AND careful < 1", name="shares"),
        CheckConstraint("den > num AND num >= 1 AND alarm_at >= 1", name="steps"),
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

    # Progress.
    progress_sealed: Mapped[bytes]

    agency: Mapped[Agency] = relationship()

    def progress(self, session: Session) -> Progress:
        """Where it stands."""
        values = sealing.unseal_values(session, *self._place, self.progress_sealed)
        since = values.pop("since")
        return Progress(since=date.fromisoformat(since) if since else None, **values)

    def keep(self, session: Session, progress: Progress) -> None:
        """Seal where it stands from now on."""
        values = asdict(progress)
        self.progress_sealed = sealing.seal_values(session, *self._place, values, PROGRESS_BYTES)

    @property
    def _place(self) -> tuple[str, str]:
        return "watch_chart.progress", f"{self.agency_id}/{self.sector_group}"


@dataclass(frozen=True, slots=True)
class Sums:
    """Invitations delivered and answered over all months, at the begin of a batch."""

    delivered: int = 0
    answered: int = 0


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
    # First day of the batch now being gathered; of answers, the Sums at its begin.
    batch_from: Mapped[date]
    sums_sealed: Mapped[bytes]

    def sums(self, session: Session) -> Sums:
        """The sums at the begin of its batch."""
        return Sums(**sealing.unseal_values(session, *self._place, self.sums_sealed))

    def keep(self, session: Session, sums: Sums) -> None:
        """Seal the sums at the begin of a batch."""
        self.sums_sealed = sealing.seal_values(session, *self._place, asdict(sums), SUMS_BYTES)

    @property
    def _place(self) -> tuple[str, str]:
        return "watch_rate.sums", f"{self.measure}/{self.agency_id or ''}"


@dataclass(frozen=True, slots=True)
class Signal:
    """What an alert of the watch says: what moved, since when, expected and seen, how sure."""

    # First and last day of what was looked at.
    since: date
    until: date
    # Usual share and, of `out_of`, how many were seen: dissatisfied, not delivered, not answered.
    expected: float
    seen: int
    out_of: int
    # False alarms a month: of this chart alone; for data, the chance that one look says this.
    chance: float


class AlertSignal(Base):
    """The signal of an alert, and how it ended."""

    __tablename__ = "alert_signal"

    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    # Signal.
    signal_sealed: Mapped[bytes]
    # The end: who looked into it, and what was found.
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    close_words: Mapped[str] = mapped_column(String(500), default="")

    alert: Mapped[Alert] = relationship()

    def signal(self, session: Session) -> Signal:
        """What it says."""
        values = sealing.unseal_values(session, *self._place, self.signal_sealed)
        since, until = (date.fromisoformat(values.pop(name)) for name in ("since", "until"))
        return Signal(since, until, **values)

    def keep(self, session: Session, signal: Signal) -> None:
        """Seal what it says from now on."""
        values = asdict(signal)
        self.signal_sealed = sealing.seal_values(session, *self._place, values, SIGNAL_BYTES)

    @property
    def _place(self) -> tuple[str, str]:
        return "alert_signal.signal", str(self.alert_id)
