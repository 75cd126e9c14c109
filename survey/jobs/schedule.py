"""Recurring jobs: made at their hour, local time; a missed one is made once when the worker is
back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.counting import waiting
from survey.jobs.queue import enqueue
from survey.models.job import Job
from survey.province.workdays import LOCAL

COUNTING = "ballots.count"
# A pool so full is counted at once: every figure opens it.
MOST_WAITING = 20_000


@dataclass(frozen=True, slots=True)
class Recurring:
    """A job of every day at a local hour, or of every hour where `hour` is None."""

    kind: str
    hour: int | None

    def latest(self, now: datetime) -> datetime:
        """The last instant at or before `now` at which it was due."""
        local = now.astimezone(LOCAL).replace(minute=0, second=0, microsecond=0)
        if self.hour is None:
            return local
        due = local.replace(hour=self.hour)
        return due if due <= local else due - timedelta(days=1)


RECURRING = (
    Recurring("intake.sweep", None),
    Recurring(COUNTING, 1),
    Recurring("index.check", 2),
    Recurring("privacy.retention", 3),
    Recurring("privacy.former_keys", 3),
    Recurring("cases.archive_due", 5),
    Recurring("index.close", 6),
)


def make_due(session: Session, now: datetime) -> None:
    """Enqueue every recurring job whose last due instant has no job yet, and a count of a full
    pool.
    """
    for recurring in RECURRING:
        due = recurring.latest(now)
        key = f"{recurring.kind}@{due:%Y-%m-%dT%H}"
        if session.scalar(select(Job.id).where(Job.key == key).limit(1)) is None:
            enqueue(session, recurring.kind, key, {}, due)
    # A large pool does not wait for the night.
    if waiting(session) > MOST_WAITING:
        enqueue(session, COUNTING, f"{COUNTING}@full", {}, now)
