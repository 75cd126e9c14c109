"""The sending run: leases are committed, threads call the provider, one thread stores results."""

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
from survey.messages.outbox import circuit_breaker, delivery_results, operator_alerts
from survey.messages.outbox.leases import Batch, Lease, WorkerContext, expire_overdue, is_due, lease
from survey.messages.outbox.rules import Rules, load_rules
from survey.messages.outbox.unlinking import unlink_due
from survey.messages.providers import (
    Accepted,
    Provider,
    SmsConfigFault,
    SmsLoad,
    SmsNotSent,
    SmsRefused,
)
from survey.models.message import Message, MessageState

# Concurrent calls. More than these need more processes, not more threads of one.
THREADS = 12
# Leases for each thread, so that the thread pool is never idle while results are written.
HELD_PER_THREAD = 2
# Results are collected for so long before they are written together.
GATHER_SECONDS = 0.04
# The queue is checked so often, however long a call takes.
LOOK_SECONDS = 0.1

log = structlog.get_logger()
Result = tuple[Lease, Accepted | BaseException]


@dataclass(frozen=True, slots=True)
class SendSummary:
    """Messages of one run: handed over, refused for good, result unknown, due but not sent."""

    sent: int
    failed: int
    unknown: int
    waiting: int


def send_due(provider: Provider, now: datetime, limit: int | None = None) -> SendSummary:
    """Send what is due at `now`, at most `limit` messages, at the rate that all processes share.

    Opens its own transactions. Never raises for a failure of the provider.
    """
    with transaction() as session:
        rules = load_rules(session)
    for step in (expire_overdue, unlink_due):
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
    """A clock that starts at `now`, so that a long run notices the end of the sending window."""
    begun = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - begun)


class _Run:
    """One run of one process."""

    def __init__(self, provider: Provider, rules: Rules, now: datetime, limit: int | None) -> None:
        self.provider, self.rules, self.now = provider, rules, now
        self.clock, self.left = _running_clock(now), limit
        self.owner = f"{socket.gethostname()}:{os.getpid()}"[:64]
        self.calls: dict[Future[Accepted], Lease] = {}
        self.ended: queue.SimpleQueue[Future[Accepted]] = queue.SimpleQueue()
        self.done: Counter[str] = Counter()

    def until_done(self, pool: ThreadPoolExecutor) -> None:
        """Lease, call and record until no message that may be sent is left."""
        while True:
            batch = self._lease()
            for taken in batch.leases:
                call = pool.submit(self.provider.send, taken.sms)
                self.calls[call] = taken
                call.add_done_callback(self.ended.put)
            if self.calls:
                self._record(self._finished())
            elif batch.wait:
                time.sleep(batch.wait)
            elif not batch.seen:
                return

    def _lease(self) -> Batch:
        room = HELD_PER_THREAD * THREADS - len(self.calls)
        if self.left is not None:
            room = min(room, self.left)
        if room < 1:
            return Batch()
        clocks = (self.now, self.clock(), clock.now())
        channel = self.provider.abilities.channel
        worker = WorkerContext(self.provider.name, channel, self.owner, *clocks)
        with transaction() as session:
            batch = lease(session, worker, self.rules, room)
        if self.left is not None:
            self.left -= len(batch.leases)
        return batch

    def _finished(self) -> list[Result]:
        """Calls that ended: waits up to LOOK_SECONDS for the first, GATHER_SECONDS for others."""
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
            recorder.deltas.write(session)


class _Recorder:
    """Writes the results of several calls in one transaction."""

    def __init__(
        self, session: Session, provider: str, now: datetime, attempts: Sequence[str]
    ) -> None:
        self.session, self.now = session, now
        self.deltas = delivery_results.CounterDeltas()
        self.health = circuit_breaker.locked_health(session, provider)
        query = (
            select(Message)
            .where(Message.attempt_id.in_(attempts))
            .where(Message.state.in_([MessageState.SENDING, MessageState.UNKNOWN]))
            .order_by(Message.id)
            .with_for_update()
        )
        self.messages = {message.attempt_id: message for message in session.scalars(query)}

    def record(self, taken: Lease, result: Accepted | BaseException) -> str:
        """Store one result if the message still has this attempt id (fencing).

        Returns sent, failed, held, unknown, or overtaken where another attempt owns the message.
        """
        self._note(taken, result)
        message = self.messages.get(taken.attempt_id)
        if message is None:
            return "overtaken"
        if isinstance(result, Accepted):
            delivery_results.accept(message, result.provider_id, self.now, self.deltas)
            return "sent"
        if isinstance(result, SmsRefused):
            delivery_results.refuse(self.session, message, result.reason, self.now, self.deltas)
            return "failed"
        if isinstance(result, SmsConfigFault):
            delivery_results.undo_attempt(message, "config_fault")
            return "held"
        if isinstance(result, SmsNotSent):
            delivery_results.try_later(message, type(result).__name__, self.now)
            return "held"
        delivery_results.mark_unknown(message, type(result).__name__[:40])
        return "unknown"

    def _note(self, taken: Lease, result: Accepted | BaseException) -> None:
        """Update budgets, rate limiter and circuit breaker of the provider with a result."""
        if isinstance(result, SmsRefused | SmsNotSent):
            circuit_breaker.give_back(self.health, taken.segments, taken.sms.at)
        if isinstance(result, SmsRefused) and result.reason == "bad_text":
            # The next message of this kind would fail too: people have to check the text.
            circuit_breaker.note_fault(self.health, "bad_text", self.now)
            return
        if isinstance(result, Accepted | SmsRefused):
            circuit_breaker.note_good(self.health)
            return
        log.warning("sms.call_failed", fault=type(result).__name__, attempt=taken.attempt_id)
        if isinstance(result, SmsConfigFault):
            circuit_breaker.note_fault(self.health, str(result), self.now)
            return
        if isinstance(result, SmsLoad):
            circuit_breaker.note_load(self.health, clock.now())
        circuit_breaker.note_bad(self.health, self.now)
