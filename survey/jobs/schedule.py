"""Recurring jobs, created at their local hour; a missed one is created once the worker is back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.counting import waiting
from survey.jobs.queue import enqueue
from survey.models.job import Job
from survey.province.workdays import LOCAL

COUNTING = "ballots.count"
# Ballots; a larger pool is counted at once, because every figure decrypts the pool.
MOST_WAITING = 20_000


@dataclass(frozen=True, slots=True)
class Recurring:
    """A job for every day at a local hour, or for every hour if `hour` is None."""

    kind: str
    hour: int | None

    def latest(self, now: datetime) -> datetime:
        """The latest instant at or before `now` at which it was due."""
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
    """Queue each recurring job whose latest due instant has no job yet, and count a large pool."""
    for recurring in RECURRING:
        due = recurring.latest(now)
        key = f"{recurring.kind}@{due:%Y-%m-%dT%H}"
        if session.scalar(select(Job.id).where(Job.key == key).limit(1)) is None:
            enqueue(session, recurring.kind, key, {}, due)
    # A large pool does not wait for the night.
    if waiting(session) > MOST_WAITING:
        enqueue(session, COUNTING, f"{COUNTING}@full", {}, now)
