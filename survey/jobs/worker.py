"""The process for jobs: creates the recurring ones, and runs due jobs in child processes.

A child runs its jobs and ends, which frees the memory that statistics and documents took.
Meanwhile the worker writes heartbeats. With a Celery broker it only dispatches jobs.
"""

import sys
from datetime import datetime
from importlib import import_module
from multiprocessing import get_context

import structlog

from survey.clock import Clock
from survey.db import db, settings_of, transaction
from survey.jobs import heartbeat, loop, queue, schedule
from survey.models.job import ProcessKind

log = structlog.get_logger()

# Imported only where they run: the first imports most of the product, the second Celery.
RUNNING = "survey.jobs.running"
DISTRIBUTED = "survey.jobs.distributed"
LOOK_SECONDS = 0.5


def run_forever(present: Clock) -> None:
    """Run turns until asked to stop; a running job is finished first."""
    life = loop.Life(ProcessKind.WORKER)
    loop.run_forever(life, lambda: _turn(life, present()))


def run_once(now: datetime) -> int:
    """Run all jobs due at `now` in this process, which should end soon; returns how many."""
    return loop.run_once(loop.Life(ProcessKind.WORKER), lambda: _run_here(now))


def _run_here(now: datetime) -> int:
    with transaction() as session:
        schedule.make_due(session, now)
        settings = settings_of(session)
    if settings.celery_broker_url:
        return int(import_module(DISTRIBUTED).dispatch(settings, now))
    return int(import_module(RUNNING).run_due(now))


def _turn(life: loop.Life, now: datetime) -> bool:
    """Create recurring jobs, then run or dispatch due ones; returns whether any was due."""
    with transaction() as session:
        schedule.make_due(session, now)
        settings = settings_of(session)
        is_due = bool(queue.due_ids(session, now))
    if settings.celery_broker_url:
        return is_due and import_module(DISTRIBUTED).dispatch(settings, now) > 0
    if is_due:
        _run_in_child(life, now)
    return is_due


def _run_in_child(life: loop.Life, now: datetime) -> None:
    """Run due jobs in a child process and wait; if it died, end its leases and raise Away."""
    # No connection may be open in two processes.
    db.session.remove()
    db.engine.dispose()
    child = get_context("fork").Process(target=_work, args=(life, now))
    child.start()
    while child.is_alive():
        child.join(LOOK_SECONDS)
        loop.guarded(life.kind, life.beat)
        if life.asked:
            child.terminate()  # it finishes the running job first
    if child.exitcode:
        with transaction() as session:
            queue.free_jobs_of(session, heartbeat.process_name(child.pid))
        raise loop.Away(f"the child that ran jobs ended with {child.exitcode}")


def _work(life: loop.Life, now: datetime) -> None:
    """The child process: run due jobs; exit with 1 if that failed."""

    def run_due() -> int:
        return int(import_module(RUNNING).run_due(now, lambda: life.asked))

    done = loop.guarded(life.kind, run_due)
    db.session.remove()
    db.engine.dispose()
    if done is None:
        sys.exit(1)
