"""Running jobs: take one, run its handler, store the result.

Handlers import most of the product, with statistics and documents, so only short-lived child
processes import this file.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from survey.db import db
from survey.errors import SurveyError
from survey.jobs import queue
from survey.jobs.handlers import HANDLERS

log = structlog.get_logger()


def run_due(now: datetime, is_asked_to_stop: Callable[[], bool] = lambda: False) -> int:
    """Run the jobs that are due, one after another; returns how many."""
    done = 0
    while not is_asked_to_stop() and run_job(now):
        done += 1
    return done


def run_job(now: datetime, job_id: int | None = None) -> bool:
    """Take one due job (or the one named) and run it; returns whether there was one."""
    taken = queue.take(now, job_id)
    if taken is None:
        return False
    try:
        _do(taken, now)
    except queue.JobLost:  # its new owner stores the result
        log.warning("job.lost", kind=taken.kind, job=taken.id)
    return True


def _do(taken: queue.Taken, now: datetime) -> None:
    try:
        result = HANDLERS[taken.kind](taken, now)
    except queue.JobLost:
        raise
    except SurveyError as refusal:
        queue.fail(taken, refusal.code, now, final=True)
        log.warning("job.refused", kind=taken.kind, job=taken.id, code=refusal.code)
    except Exception as fault:  # a job's fault must not end the worker
        db.session.remove()
        queue.fail(taken, type(fault).__name__, now, final=False)
        log.exception("job.failed", kind=taken.kind, job=taken.id)
    else:
        queue.finish(taken, result, now)
