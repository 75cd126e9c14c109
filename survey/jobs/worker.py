"""The worker of this package: sends what is due, looks after unclear messages, runs jobs, shows
signs of life.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from survey.db import db, settings_of, transaction
from survey.errors import SurveyError
from survey.jobs import distributed, queue, schedule
from survey.jobs.handlers import HANDLERS
from survey.models.job import Heartbeat
from survey.sms import outbox
from survey.sms.providers import Provider, build_provider

log = structlog.get_logger()

PAUSE_SECONDS = 1.0
# Messages of one turn: few enough that a long send never keeps jobs waiting.
SEND_AT_ONCE = 500
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of the loop did."""

    sent: int
    jobs: int


class Stop:
    """Set by Ctrl-C or a service manager: the loop ends after the work in hand."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def run_forever(clock: Callable[[], datetime]) -> None:
    """Turn after turn until asked to stop; a turn that fails is logged and the next one tries
    again.
    """
    stop = Stop()
    while not stop.asked:
        try:
            done = run_once(clock())
        except Exception:  # the loop outlives any fault of one turn
            log.exception("worker.turn_failed")
            db.session.remove()
            done = Turn(0, 0)
        if not done.sent and not done.jobs and not stop.asked:
            time.sleep(PAUSE_SECONDS)


def run_once(now: datetime) -> Turn:
    """Everything that is due at `now`, once."""
    with transaction() as session:
        settings = settings_of(session)
        schedule.make_due(session, now)
        _give_sign_of_life(session, datetime.now(UTC))
    provider: Provider = build_provider(settings)
    sent = outbox.send_due(provider, now, SEND_AT_ONCE)
    outbox.reconcile(provider, now)
    if settings.celery_broker_url:
        return Turn(sent.sent, distributed.dispatch(settings, now))
    jobs = 0
    while run_job(now):
        jobs += 1
    return Turn(sent.sent, jobs)


def _give_sign_of_life(session: Session, at: datetime) -> None:
    """Keep one row a living worker; those long silent are gone for good."""
    session.execute(delete(Heartbeat).where(Heartbeat.at < at - FORGOTTEN_AFTER))
    session.merge(Heartbeat(worker=queue.process_name(), at=at))


def run_job(now: datetime, job_id: int | None = None) -> bool:
    """Take one due job (or the one named) and do it; whether there was one."""
    taken = queue.take(now, job_id)
    if taken is None:
        return False
    try:
        result = HANDLERS[taken.kind](taken.id, taken.payload, now)
    except SurveyError as refusal:
        queue.fail(taken, refusal.code, now, final=True)
        log.warning("job.refused", kind=taken.kind, job=taken.id, code=refusal.code)
    except Exception as fault:  # a job's fault must not end the worker
        db.session.remove()
        queue.fail(taken, type(fault).__name__, now, final=False)
        log.exception("job.failed", kind=taken.kind, job=taken.id)
    else:
        queue.finish(taken, result, now)
    return True
