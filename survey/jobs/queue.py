"""Jobs as rows: put in the caller's transaction, taken with a lease, so one that dies is taken up
again. Progress and end are written by the owner of the lease alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, exists, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey import clock
from survey.db import transaction
from survey.errors import Refused
from survey.jobs.heartbeat import process_name
from survey.models.job import Job, JobState

LEASE = timedelta(minutes=15)
ATTEMPTS = 3
RETRY_AFTER = timedelta(minutes=1)
WORKER_DIED = "worker_died"


class JobLost(Refused):
    """The lease ran out and another worker took the job: this one must write nothing on it."""

    def __init__(self) -> None:
        super().__init__("job_lost", "another worker took it after the lease ran out")


@dataclass(frozen=True, slots=True)
class Taken:
    """A job this process holds: the lease belongs to this owner at this attempt."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    owner: str
    attempt: int


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


def count_by_state(session: Session) -> dict[str, int]:
    """How many jobs stand in each state; states without a job are left out."""
    return dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())


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
        return Taken(job.id, job.kind, job.key, job.payload, owner, job.attempts)


def report_progress(taken: Taken, progress: int, total: int) -> None:
    """Write down how far a job is, and hold it for another lease; raises JobLost."""
    with transaction() as session:
        until = clock.now() + LEASE
        _write(session, taken, progress=progress, total=total, lease_until=until)


def finish(taken: Taken, result: dict[str, Any], now: datetime) -> None:
    """The work is done; raises JobLost."""
    with transaction() as session:
        done = {"state": JobState.DONE, "result": result, "finished_at": now}
        _write(session, taken, **done, lease_until=None)


def fail(taken: Taken, error: str, now: datetime, *, final: bool) -> None:
    """The work failed: tried again a minute later, or given up when `final`, tried enough, or asked
    for anew meanwhile; raises JobLost.
    """
    with transaction() as session:
        given_up = final or taken.attempt >= ATTEMPTS or _has_successor(session, taken)
        _write(
            session,
            taken,
            state=JobState.FAILED if given_up else JobState.WAITING,
            run_at=now + RETRY_AFTER,
            error=error,
            finished_at=now if given_up else None,
            lease_until=None,
        )


def free_jobs_of(session: Session, owner: str) -> None:
    """End the leases of a process that is known to have died."""
    held = update(Job).where(Job.owner == owner, Job.state == JobState.RUNNING)
    session.execute(held.values(lease_until=clock.now()))


def _is_free() -> ColumnElement[bool]:
    """Waiting, or held by a worker whose lease has run out (real clock)."""
    abandoned = (Job.state == JobState.RUNNING) & (Job.lease_until <= clock.now())
    return or_(Job.state == JobState.WAITING, abandoned)


def _has_successor(session: Session, taken: Taken) -> bool:
    waiting = exists().where(Job.key == taken.key, Job.state == JobState.WAITING)
    return bool(session.scalar(select(waiting)))


def _write(session: Session, taken: Taken, **values: object) -> None:
    """Write on a job under the very lease it was taken with, in one statement: whoever took it
    meanwhile is never overwritten.
    """
    held = update(Job).where(
        Job.id == taken.id,
        Job.owner == taken.owner,
        Job.attempts == taken.attempt,
        Job.state == JobState.RUNNING,
    )
    written = cast("CursorResult[Any]", session.execute(held.values(**values)))
    if not written.rowcount:
        raise JobLost
