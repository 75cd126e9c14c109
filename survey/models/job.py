"""Background work as rows: a job is taken with a lease, so one that dies is taken up again."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import WORK
from survey.db import Base, one_of


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Base):
    """One piece of work, run at least once; its handler may run twice without harm."""

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
    # At most one waiting job of a key; ids only, never personal data.
    key: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(10), default=JobState.WAITING)
    run_at: Mapped[datetime]
    owner: Mapped[str | None] = mapped_column(String(64))
    # Real clock: after this instant another worker may take it.
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    progress: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    # Code of the last error, for people to quote.
    error: Mapped[str] = mapped_column(String(100), default="")
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
    finished_at: Mapped[datetime | None]

    __clear__: ClassVar = {
        WORK: "id kind key payload state run_at owner lease_until attempts progress total error "
        "result finished_at"
    }


class ProcessKind(StrEnum):
    """What a process that shows signs of life does."""

    # Sends messages and finds out what became of them.
    SENDER = "sender"
    # Runs jobs, or hands them to the broker where there is one.
    WORKER = "worker"
    # Runs the jobs that the broker holds.
    CELERY = "celery"
    # Serves pages; writes when it is asked whether the whole installation is well.
    WEB = "web"


class Heartbeat(Base):
    """The last sign of life of one process."""

    __tablename__ = "heartbeat"
    __table_args__ = (one_of("kind", ProcessKind),)

    # Host and process id.
    process: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    # Real clock.
    at: Mapped[datetime]

    __clear__: ClassVar = {WORK: "process kind at"}
