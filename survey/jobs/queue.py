"""The queue of jobs: rows stored in the caller's transaction and taken with a lease that expires.

A job whose worker died is taken again when its lease has expired. Only the owner of the lease can
write progress and results (fencing).
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
    """The lease expired and another worker took the job, so this worker cannot write to it."""

    def __init__(self) -> None:
        super().__init__("job_lost", "another worker took it after the lease ran out")


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that this process has taken; `owner` and `attempt` identify the lease (fencing)."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    owner: str
    attempt: int


def enqueue(
    session: Session, kind: str, key: str, payload: dict[str, Any], run_at: datetime
) -> None:
    """Store a job to be run at `run_at`, unless a job with the same key is waiting."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(Job).values(
        kind=kind, key=key, payload=payload, run_at=run_at, state=JobState.WAITING, result={}
    )
    session.execute(
        fresh.on_conflict_do_nothing(
            index_elements=[Job.key],
            # A literal: in a prepared statement a parameter does not match a partial index.
            index_where=text("state = 'waiting'"),
        )
    )


def newest(session: Session, key: str) -> Job | None:
    """The latest job of a key, for a page that shows its progress."""
    return session.scalars(select(Job).where(Job.key == key).order_by(Job.id.desc())).first()


def count_by_state(session: Session) -> dict[str, int]:
    """Number of jobs by state; states without a job are left out."""
    return dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())


def due_ids(session: Session, now: datetime) -> list[int]:
    """Ids of jobs that are due and not leased, oldest first."""
    due = select(Job.id).where(_is_free(), Job.run_at <= now)
    return list(session.scalars(due.order_by(Job.run_at, Job.id)))


def take(now: datetime, job_id: int | None = None) -> Taken | None:
    """Take a lease on one due job, or on the job named, due or not; None when there is none.

    No two processes take the same job (SKIP LOCKED). A job whose worker died ATTEMPTS times has
    failed: it may have caused that.
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
    """Store the progress of a job and renew its lease; raises JobLost."""
    with transaction() as session:
        until = clock.now() + LEASE
        _write(session, taken, progress=progress, total=total, lease_until=until)


def finish(taken: Taken, result: dict[str, Any], now: datetime) -> None:
    """Store the result of a finished job; raises JobLost."""
    with transaction() as session:
        done = {"state": JobState.DONE, "result": result, "finished_at": now}
        _write(session, taken, **done, lease_until=None)


def fail(taken: Taken, error: str, now: datetime, *, final: bool) -> None:
    """Record a failure; raises JobLost.

    The job is tried again a minute later, unless `final`, at the last of ATTEMPTS, or if a job with
    the same key was stored meanwhile.
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
    """Condition: waiting, or running with a lease that has expired (real clock)."""
    abandoned = (Job.state == JobState.RUNNING) & (Job.lease_until <= clock.now())
    return or_(Job.state == JobState.WAITING, abandoned)


def _has_successor(session: Session, taken: Taken) -> bool:
    waiting = exists().where(Job.key == taken.key, Job.state == JobState.WAITING)
    return bool(session.scalar(select(waiting)))


def _write(session: Session, taken: Taken, **values: object) -> None:
    """Update a job under the lease it was taken with, in one statement; raises JobLost.

    So a worker that has taken the job meanwhile is never overwritten (fencing).
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
