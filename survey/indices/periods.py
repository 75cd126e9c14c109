"""Which periods have figures, and which of these are still provisional."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.errors import Invalid
from survey.models.count import Frame
from survey.models.snapshot import Snapshot
from survey.period import Month, Period


def check_period(period: Period, now: datetime) -> None:
    """Raise Invalid when a period begins in the future."""
    if period.first > Month.at(now):
        raise Invalid("future_period", period)


def is_provisional(session: Session, period: Period) -> bool:
    """Whether a month of the period has no snapshot yet."""
    months = period.months
    closed = select(func.count(func.distinct(Snapshot.month))).where(Snapshot.month.in_(months))
    return session.scalar(closed) != len(months)


def closed_months(session: Session) -> list[Month]:
    """Closed months, oldest first."""
    return list(session.scalars(select(Snapshot.month).distinct().order_by(Snapshot.month)))


def months_with_dossiers(session: Session, now: datetime) -> list[Month]:
    """Months with finished dossiers, newest first, without future months."""
    found = select(Frame.month).where(Frame.finished > 0, Frame.month <= Month.at(now))
    return list(session.scalars(found.distinct().order_by(Frame.month.desc())))
