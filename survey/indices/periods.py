"""Which periods have figures, and which of these are still provisional."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.errors import Invalid
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
