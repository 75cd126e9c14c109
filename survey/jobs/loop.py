"""The loop of a background process: one turn after another until asked to stop, with heartbeats.

A failed turn is logged and repeated with increasing pauses (exponential back-off).
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
# After each failed turn the pause doubles, up to this.
LONGEST_PAUSE_SECONDS = 16.0


class Away(Exception):
    """A server that the work needs does not answer: not a fault of ours, so without traceback."""


class Life:
    """The run of a process: whether it was asked to stop, and its heartbeats."""

    def __init__(self, kind: ProcessKind) -> None:
        self.kind = kind
        self.asked = False
        self._begun = False
        self._beaten = 0.0

    def listen(self) -> None:
        """Stop on SIGINT (Ctrl-C) and SIGTERM (service managers)."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake up within PAUSE_SECONDS when asked to stop."""
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(min(PAUSE_SECONDS, seconds))

    def beat(self) -> None:
        """Write a heartbeat, if the last one is BEAT_SECONDS old."""
        if self._begun and time.monotonic() - self._beaten < heartbeat.BEAT_SECONDS:
            return
        with transaction() as session:
            write = heartbeat.beat if self._begun else heartbeat.begin
            write(session, self.kind, clock.now())
        self._begun, self._beaten = True, time.monotonic()

    def end(self) -> None:
        """End the heartbeats of this process."""
        with transaction() as session:
            heartbeat.end(session, self.kind)


def run_forever(life: Life, turn: Callable[[], bool]) -> None:
    """Run `turn`, which returns whether there was anything to do, until asked to stop."""
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
    """One turn with a heartbeat: a process started every minute (cron) counts as alive too."""
    life.beat()
    done = turn()
    life.end()
    return done


def guarded(kind: ProcessKind, action: Callable[[], Result]) -> Result | None:
    """The result of an action; None if it failed: errors are logged, so that the loop continues."""
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
