"""Jobs as rows: put in the caller's transaction, taken with a lease, so one that dies is taken up
again.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey import clock
from survey.db import transaction
from survey.errors import NotFound, Refused
from survey.models.job import Job, JobState

LEASE = timedelta(minutes=15)
ATTEMPTS = 3
RETRY_AFTER = timedelta(minutes=1)
WORKER_DIED = "worker_died"


@dataclass(frozen=True, slots=True)
class Taken:
    """A job this process holds."""

    id: int
    kind: str
    payload: dict[str, Any]
    owner: str


def enqueue(
    session: Session, kind: str, key: str, payload: dict[str, Any], run_at: datetime
) -> None:
    """Put a job; while one with the same key waits, this adds nothing."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(Job).values(
        kind=kind, key=key, payload=payload, run_at=run_at, state=JobState.WAITING, result={}
    )
    session.execute(
        fresh.on_conflict_do_nothing(
            index_elements=[Job.key],
            # Written out: a parameter, once the statement is prepared, matches no partial index.
            index_where=text("state = 'waiting'"),
        )
    )


def newest(session: Session, key: str) -> Job | None:
    """The latest job of a key, for a page that shows its progress."""
    return session.scalars(select(Job).where(Job.key == key).order_by(Job.id.desc())).first()


def process_name() -> str:
    """How this process signs what it holds, at most 64 characters."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}"


def due_ids(session: Session, now: datetime) -> list[int]:
    """Free jobs that are due, oldest first."""
    due = select(Job.id).where(_is_free(), Job.run_at <= now)
    return list(session.scalars(due.order_by(Job.run_at, Job.id)))


def take(now: datetime, job_id: int | None = None) -> Taken | None:
    """Take one due job for this process, or the job named, due or not; None when there is none.

    No two take the same. A job whose worker died ATTEMPTS times is given up: it may be the cause.
    """
    with transaction() as session:
        query = select(Job).where(_is_free()).order_by(Job.run_at, Job.id).limit(1)
        query = query.where(Job.run_at <= now if job_id is None else Job.id == job_id)
        query = query.with_for_update(skip_locked=True)
        while (job := session.scalars(query).first()) and job.attempts >= ATTEMPTS:
            job.state, job.error = JobState.FAILED, WORKER_DIED
            job.finished_at, job.lease_until = now, None
            session.flush()
        if job is None:
            return None
        owner = process_name()
        job.state = JobState.RUNNING
        job.owner = owner
        job.lease_until = clock.now() + LEASE
        job.attempts += 1
        return Taken(job.id, job.kind, job.payload, owner)


def report_progress(job_id: int, progress: int, total: int) -> None:
    """Write down how far a job is, and hold it for another lease."""
    with transaction() as session:
        job = _held(session, job_id)
        job.progress, job.total = progress, total
        job.lease_until = clock.now() + LEASE


def finish(taken: Taken, result: dict[str, Any], now: datetime) -> None:
    """The work is done."""
    with transaction() as session:
        job = _held(session, taken.id, taken.owner)
        job.state = JobState.DONE
        job.result = result
        job.finished_at = now
        job.lease_until = None


def fail(taken: Taken, error: str, now: datetime, *, final: bool) -> None:
    """The work failed: tried again a minute later, or given up when `final`, tried enough, or asked
    for anew meanwhile.
    """
    with transaction() as session:
        job = _held(session, taken.id, taken.owner)
        given_up = final or job.attempts >= ATTEMPTS or _has_successor(session, job)
        job.state = JobState.FAILED if given_up else JobState.WAITING
        job.run_at = now + RETRY_AFTER
        job.error = error
        job.finished_at = now if given_up else None
        job.lease_until = None


def _is_free() -> ColumnElement[bool]:
    """Waiting, or held by a worker whose lease has run out (real clock)."""
    abandoned = (Job.state == JobState.RUNNING) & (Job.lease_until < clock.now())
    return or_(Job.state == JobState.WAITING, abandoned)


def _has_successor(session: Session, job: Job) -> bool:
    waiting = exists().where(Job.key == job.key, Job.state == JobState.WAITING)
    return bool(session.scalar(select(waiting)))


def _held(session: Session, job_id: int, owner: str | None = None) -> Job:
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound("no_such_job")
    if owner is not None and job.owner != owner:
        raise Refused("job_lost", "another worker took it after the lease ran out")
    return job
