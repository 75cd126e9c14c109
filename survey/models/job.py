"""Background jobs and heartbeats of processes.

Workers take jobs with a lease that expires, so that the jobs of a dead worker are run again.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import WORK
from survey.db import Base, one_of


class JobState(StrEnum):
    """State of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Base):
    """A background job that is run at least once; its handler is idempotent."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", JobState),
        CheckConstraint("progress >= 0 AND total >= 0", name="progress"),
        Index("ix_job_state_run_at", "state", "run_at"),
        Index(
            "uq_job_waiting_key",
            "key",
            unique=True,
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Name of the handler in survey/jobs/handlers.py.
    kind: Mapped[str] = mapped_column(String(40))
    # Only one job of a key can wait; holds ids, never personal data.
    key: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10), default=JobState.WAITING)
    run_at: Mapped[datetime]
    owner: Mapped[str | None] = mapped_column(String(64))
    # Expiry of the lease on the real clock; afterwards another worker may take the job.
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    progress: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    # Code of the last error, which people can quote.
    error: Mapped[str] = mapped_column(String(100), default="")
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
    finished_at: Mapped[datetime | None]

    __clear__: ClassVar = {
        WORK: "id kind key payload state run_at owner lease_until attempts progress total error "
        "result finished_at"
    }


class ProcessKind(StrEnum):
    """Kind of a process that sends heartbeats."""

    # Sends messages and reconciles those whose result is unknown.
    SENDER = "sender"
    # Runs jobs, or passes them to the broker if there is one.
    WORKER = "worker"
    # Celery worker: runs the jobs of the broker.
    CELERY = "celery"
    # Serves pages; sends a heartbeat when `/readyz` is requested.
    WEB = "web"


class Heartbeat(Base):
    """The latest heartbeat of a process."""

    __tablename__ = "heartbeat"
    __table_args__ = (one_of("kind", ProcessKind),)

    # Host and process id.
    process: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    # Real clock.
    at: Mapped[datetime]

    __clear__: ClassVar = {WORK: "process kind at"}
