"""Months: the periods of the index. A month is open until the 15th of the next one."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors import Invalid
from survey.models.snapshot import Snapshot
from survey.workdays import LOCAL

CLOSING_DAY = 15


def check_month(month: str, now: datetime) -> None:
    """Raise Invalid when `month` (YYYY-MM) lies in the future."""
    if month > f"{now.astimezone(LOCAL):%Y-%m}":
        raise Invalid("future_period", month)


def closable_from(month: str) -> datetime:
    """Instant (UTC) from which a month may be closed: day 15 of the next month, midnight."""
    following = next_month(month)
    year, number = (int(part) for part in following.split("-"))
    return datetime(year, number, CLOSING_DAY, tzinfo=LOCAL).astimezone(UTC)


def next_month(month: str) -> str:
    """The month after."""
    year, number = (int(part) for part in month.split("-"))
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def previous_month(month: str) -> str:
    """The month before."""
    year, number = (int(part) for part in month.split("-"))
    return f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"


def is_provisional(session: Session, month: str) -> bool:
    """Whether the month has no snapshot yet."""
    return session.scalar(select(Snapshot.id).where(Snapshot.month == month)) is None
