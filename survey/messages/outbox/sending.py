"""The sending run: claims are committed, threads call the provider, one thread writes it down."""

import contextlib
import os
import queue
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import clock
from survey.db import transaction
from survey.messages.outbox import health as provider_health
from survey.messages.outbox import operator_alerts, outcomes
from survey.messages.outbox.claims import Batch, Claim, Taker, claim, expire_overdue, is_due
from survey.messages.outbox.parting import part_due
from survey.messages.outbox.rules import Rules, load_rules
from survey.messages.providers import (
    Accepted,
    Provider,
    SmsConfigFault,
    SmsLoad,
    SmsNotSent,
    SmsRefused,
)
from survey.models.message import Message, MessageState

# Calls under way at once. More at once need more processes, not more threads of one.
THREADS = 12
# Claims held for each thread, so that the pool is never idle while outcomes are written.
HELD_PER_THREAD = 2
# Outcomes are gathered for so long before they are written together.
GATHER_SECONDS = 0.04
# However long a call takes, there is a look at the queue so often.
LOOK_SECONDS = 0.1

log = structlog.get_logger()
Result = tuple[Claim, Accepted | BaseException]


@dataclass(frozen=True, slots=True)
class SendSummary:
    """What one run did: handed over, refused for good, fate unknown, due but not handed over."""

    sent: int
    failed: int
    unknown: int
    waiting: int


def send_due(provider: Provider, now: datetime, limit: int | None = None) -> SendSummary:
    """Send what is due at `now`, at most `limit` messages, at the pace that all processes share.

    Opens its own transactions. Never raises for what a provider does.
    """
    with transaction() as session:
        rules = load_rules(session)
    for step in (expire_overdue, part_due):
        done_with = 1
        while done_with:
            with transaction() as session:
                done_with = step(session, now)
    run = _Run(provider, rules, now, limit)
    with ThreadPoolExecutor(THREADS) as pool:
        run.until_done(pool)
    with transaction() as session:
        query = select(func.count()).select_from(Message).where(is_due(now))
        waiting = session.scalar(query) or 0
        operator_alerts.review(session, provider.name, rules, now)
    done = run.done
    return SendSummary(done["sent"], done["failed"], done["unknown"], waiting)


def _running_clock(now: datetime) -> Callable[[], datetime]:
    """`now` that goes on while the run lasts, so that a long run sees the window close."""
    begun = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - begun)


class _Run:
    """One run of one process."""

    def __init__(self, provider: Provider, rules: Rules, now: datetime, limit: int | None) -> None:
        self.provider, self.rules, self.now = provider, rules, now
        self.clock, self.left = _running_clock(now), limit
        self.owner = f"{socket.gethostname()}:{os.getpid()}"[:64]
        self.calls: dict[Future[Accepted], Claim] = {}
        self.ended: queue.SimpleQueue[Future[Accepted]] = queue.SimpleQueue()
        self.done: Counter[str] = Counter()

    def until_done(self, pool: ThreadPoolExecutor) -> None:
        """Claim, call and record until nothing that may leave is left."""
        while True:
            batch = self._claim()
            for taken in batch.claims:
                call = pool.submit(self.provider.send, taken.sms)
                self.calls[call] = taken
                call.add_done_callback(self.ended.put)
            if self.calls:
                self._record(self._finished())
            elif batch.wait:
                time.sleep(batch.wait)
            elif not batch.seen:
                return

    def _claim(self) -> Batch:
        room = HELD_PER_THREAD * THREADS - len(self.calls)
        if self.left is not None:
            room = min(room, self.left)
        if room < 1:
            return Batch()
        clocks = (self.now, self.clock(), clock.now())
        channel = self.provider.abilities.channel
        taker = Taker(self.provider.name, channel, self.owner, *clocks)
        with transaction() as session:
            batch = claim(session, taker, self.rules, room)
        if self.left is not None:
            self.left -= len(batch.claims)
        return batch

    def _finished(self) -> list[Result]:
        """Calls that ended: waits a while for the first, then a moment for others."""
        ended: list[Future[Accepted]] = []
        until = time.monotonic() + LOOK_SECONDS
        with contextlib.suppress(queue.Empty):
            while len(ended) < min(len(self.calls), THREADS):
                ended.append(self.ended.get(timeout=max(until - time.monotonic(), 0)))
                until = min(until, time.monotonic() + GATHER_SECONDS)
        return [(self.calls.pop(call), call.exception() or call.result()) for call in ended]

    def _record(self, results: Sequence[Result]) -> None:
        if not results:
            return
        with transaction() as session:
            attempts = [taken.attempt_id for taken, _ in results]
            recorder = _Recorder(session, self.provider.name, self.clock(), attempts)
            for taken, result in results:
                self.done[recorder.record(taken, result)] += 1
            recorder.moves.write(session)


class _Recorder:
    """Writes the outcomes of a few calls in one transaction."""

    def __init__(
        self, session: Session, provider: str, now: datetime, attempts: Sequence[str]
    ) -> None:
        self.session, self.now = session, now
        self.moves = outcomes.Moves()
        self.health = provider_health.locked_health(session, provider)
        query = (
            select(Message)
            .where(Message.attempt_id.in_(attempts))
            .where(Message.state.in_([MessageState.SENDING, MessageState.UNKNOWN]))
            .order_by(Message.id)
            .with_for_update()
        )
        self.messages = {message.attempt_id: message for message in session.scalars(query)}

    def record(self, taken: Claim, result: Accepted | BaseException) -> str:
        """Write one outcome if the message is still this attempt's; gives the word it counts as."""
        self._note(taken, result)
        message = self.messages.get(taken.attempt_id)
        if message is None:
            return "overtaken"
        if isinstance(result, Accepted):
            outcomes.accept(message, result.provider_id, self.now, self.moves)
            return "sent"
        if isinstance(result, SmsRefused):
            outcomes.refuse(self.session, message, result.reason, self.now, self.moves)
            return "failed"
        if isinstance(result, SmsConfigFault):
            outcomes.undo_attempt(message, "config_fault")
            return "held"
        if isinstance(result, SmsNotSent):
            outcomes.try_later(message, type(result).__name__, self.now)
            return "held"
        outcomes.doubt(message, type(result).__name__[:40])
        return "unknown"

    def _note(self, taken: Claim, result: Accepted | BaseException) -> None:
        """What the outcome says about the provider."""
        if isinstance(result, SmsRefused | SmsNotSent):
            provider_health.give_back(self.health, taken.segments, taken.sms.at)
        if isinstance(result, SmsRefused) and result.reason == "bad_text":
            # The next of its kind would fare no better: people have to look at the text.
            provider_health.note_fault(self.health, "bad_text", self.now)
            return
        if isinstance(result, Accepted | SmsRefused):
            provider_health.note_good(self.health)
            return
        log.warning("sms.call_failed", fault=type(result).__name__, attempt=taken.attempt_id)
        if isinstance(result, SmsConfigFault):
            provider_health.note_fault(self.health, str(result), self.now)
            return
        if isinstance(result, SmsLoad):
            provider_health.note_load(self.health, clock.now())
        provider_health.note_bad(self.health, self.now)
