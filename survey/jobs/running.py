"""Doing jobs: take one, run its handler, write down what came of it.

Handlers need most of the product, statistics and documents too: a long-lived process does not
import this file, its children do.
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
    """Run jobs that are due, one after the other; how many there were."""
    done = 0
    while not is_asked_to_stop() and run_job(now):
        done += 1
    return done


def run_job(now: datetime, job_id: int | None = None) -> bool:
    """Take one due job (or the one named) and do it; whether there was one."""
    taken = queue.take(now, job_id)
    if taken is None:
        return False
    try:
        _do(taken, now)
    except queue.JobLost:  # whoever has it now writes down what comes of it
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
