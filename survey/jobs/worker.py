"""The worker of this package: sends what is due, looks after unclear messages, runs jobs, shows
signs of life.
"""

import signal
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from survey import clock
from survey.clock import Clock
from survey.db import db, settings_of, transaction
from survey.errors import SurveyError
from survey.jobs import distributed, queue, schedule
from survey.jobs.handlers import HANDLERS
from survey.models.job import Heartbeat
from survey.sms import outbox
from survey.sms.providers import Provider, build_provider

log = structlog.get_logger()

PAUSE_SECONDS = 1.0
# After turns that failed each pause is twice as long, up to this.
LONGEST_PAUSE_SECONDS = 16.0
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

    def sleep(self, seconds: float) -> None:
        """Wait, but hardly longer than until it is asked."""
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)


def run_forever(present: Clock) -> None:
    """Turn after turn until asked to stop; a turn that fails is logged and tried again, ever more
    rarely.
    """
    stop, pause = Stop(), PAUSE_SECONDS
    while not stop.asked:
        done = _try_turn(present())
        pause = PAUSE_SECONDS if done else min(2 * pause, LONGEST_PAUSE_SECONDS)
        if done is None or not (done.sent or done.jobs):
            stop.sleep(pause)


def _try_turn(now: datetime) -> Turn | None:
    """One turn; None when it failed, since the loop outlives any fault."""
    try:
        return run_once(now)
    except (OperationalError, InterfaceError) as away:  # a server that restarts is no fault of ours
        log.error("worker.database_away", reason=str(away.orig).partition("\n")[0])  # noqa: TRY400
    except Exception:
        log.exception("worker.turn_failed")
    db.session.remove()
    return None


def run_once(now: datetime) -> Turn:
    """Everything that is due at `now`, once."""
    with transaction() as session:
        settings = settings_of(session)
        schedule.make_due(session, now)
        _give_sign_of_life(session, clock.now())
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
