"""The loop of a background process: turn after turn until asked to stop, with signs of life.

A turn that fails is one line in the log and is tried again, ever more rarely.
"""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from survey import clock
from survey.db import db, transaction
from survey.jobs import heartbeat
from survey.models.job import ProcessKind

log = structlog.get_logger()
Result = TypeVar("Result")

PAUSE_SECONDS = 1.0
# After turns that failed each pause is twice as long, up to this.
LONGEST_PAUSE_SECONDS = 16.0


class Away(Exception):
    """A server that the work needs does not answer: no fault of ours, so no traceback."""


class Life:
    """A process's run: whether it was asked to stop, and its signs of life."""

    def __init__(self, kind: ProcessKind) -> None:
        self.kind = kind
        self.asked = False
        self._begun = False
        self._beaten = 0.0

    def listen(self) -> None:
        """Take Ctrl-C and a service manager's word for the wish to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def sleep(self, seconds: float) -> None:
        """Wait, but hardly longer than until it is asked to stop."""
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(min(PAUSE_SECONDS, seconds))

    def beat(self) -> None:
        """Give a sign of life, if the last one is some seconds old."""
        if self._begun and time.monotonic() - self._beaten < heartbeat.BEAT_SECONDS:
            return
        with transaction() as session:
            write = heartbeat.beat if self._begun else heartbeat.begin
            write(session, self.kind, clock.now())
        self._begun, self._beaten = True, time.monotonic()

    def end(self) -> None:
        """Sign off."""
        with transaction() as session:
            heartbeat.end(session, self.kind)


def run_forever(life: Life, turn: Callable[[], bool]) -> None:
    """Run `turn`, which says whether there was anything to do, until asked to stop."""
    life.listen()
    log.info("process.started", kind=life.kind.value, process=heartbeat.process_name())
    pause = PAUSE_SECONDS

    def alive() -> bool:
        life.beat()
        return turn()

    while not life.asked:
        was_busy = guarded(life.kind, alive)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS) if was_busy is None else PAUSE_SECONDS
        if not was_busy:
            life.sleep(pause)
    guarded(life.kind, life.end)
    log.info("process.stopped", kind=life.kind.value, process=heartbeat.process_name())


def run_once(life: Life, turn: Callable[[], Result]) -> Result:
    """One turn, with a sign of life: whoever starts one every minute has a living process too."""
    life.beat()
    done = turn()
    life.end()
    return done


def guarded(kind: ProcessKind, action: Callable[[], Result]) -> Result | None:
    """What an action gives; None when it failed, since a loop outlives any fault."""
    try:
        return action()
    except (OperationalError, InterfaceError) as away:  # a server that restarts is no fault of ours
        reason = str(away.orig).partition("\n")[0]
        log.error("process.database_away", kind=kind.value, reason=reason)  # noqa: TRY400
    except Away as away:
        log.error("process.server_away", kind=kind.value, reason=str(away))  # noqa: TRY400
    except Exception:
        log.exception("process.turn_failed", kind=kind.value)
    db.session.remove()
    return None
