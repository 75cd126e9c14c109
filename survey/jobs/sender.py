"""The process for messages: sends what is due and reconciles messages with unknown results.

It runs no jobs, so that a long job never delays a reply to a citizen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.jobs import loop
from survey.messages import outbox
from survey.messages.providers import Provider
from survey.models.job import ProcessKind

# Messages of one turn: few enough that reconciliation runs every few seconds.
SEND_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Turn:
    """Messages of one turn: `sent`, `failed` for good, result `unknown`, and `waiting`.

    `found_sent` and `released` (queued again) are results of reconciliation.
    """

    sent: int
    failed: int
    unknown: int
    waiting: int
    found_sent: int
    released: int


def run_forever(
    provider: Provider, clock: Callable[[], datetime], lease: timedelta = outbox.LEASE
) -> None:
    """Run turns until asked to stop; `lease`: how long a lease on a message lasts."""
    life = loop.Life(ProcessKind.SENDER)
    loop.run_forever(life, lambda: _turn(provider, clock(), lease).sent > 0)


def run_once(provider: Provider, now: datetime) -> Turn:
    """Run one turn: send and reconcile what is due at `now`."""
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
