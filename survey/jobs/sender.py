"""The process for messages: sends what is due and finds out what became of the unclear ones.

It runs no job, so that a long one never keeps an answer to a citizen waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.jobs import loop
from survey.messages import outbox
from survey.messages.providers import Provider
from survey.models.job import ProcessKind

# Messages of one turn: few enough that unclear ones are looked after every few seconds.
SEND_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did: messages handed over and refused, and how many are left."""

    sent: int
    failed: int
    unknown: int
    waiting: int
    found_sent: int
    released: int


def run_forever(
    provider: Provider, clock: Callable[[], datetime], lease: timedelta = outbox.LEASE
) -> None:
    """Turn after turn until asked to stop; `lease` is how long a claim is its owner's alone."""
    life = loop.Life(ProcessKind.SENDER)
    loop.run_forever(life, lambda: _turn(provider, clock(), lease).sent > 0)


def run_once(provider: Provider, now: datetime) -> Turn:
    """Everything about messages that is due at `now`, once."""
    return loop.run_once(loop.Life(ProcessKind.SENDER), lambda: _turn(provider, now, outbox.LEASE))


def _turn(provider: Provider, now: datetime, lease: timedelta) -> Turn:
    sent = outbox.send_due(provider, now, SEND_AT_ONCE)
    found = outbox.reconcile(provider, now, lease=lease)
    return Turn(
        sent.sent,
        sent.failed,
        found.still_unknown,
        sent.waiting,
        found.found_sent,
        found.released,
    )
