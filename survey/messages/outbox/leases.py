"""Leases on messages that may be sent now; all rules are checked in the same short transaction."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from survey.messages.outbox import circuit_breaker
from survey.messages.outbox.delivery_results import CounterDeltas, accept, cancel, expire
from survey.messages.outbox.obsolete import Opened, obsolete
from survey.messages.outbox.queue import body_of, recipient_of
from survey.messages.outbox.rules import ANSWERS, ASKING, GAP, QUEUE, STARTED, WEEK, Rules
from survey.messages.providers import OutgoingSms
from survey.models.invitation import OptOut
from survey.models.message import Message, MessageKind, MessageState, ProviderHealth
from survey.models.message_channel import MessageChannel
from survey.models.recipient import IndexUse
from survey.province.workdays import local_day

HOUR = timedelta(hours=1)
_EXPIRED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease: only this process may hand this message over now."""

    attempt_id: str
    segments: int
    sms: OutgoingSms


@dataclass(frozen=True, slots=True)
class Batch:
    """Result of one query: leases, number of rows handled, seconds to wait for the rate limiter."""

    leases: Sequence[Lease] = ()
    seen: int = 0
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The process that takes leases (`owner`), its provider and channel, and its clocks.

    `due_by`: messages that we initiate must be due by this start of the run; `now`: time of the
    run, which goes on; `clock`: real clock.
    """

    provider: str
    channel: MessageChannel
    owner: str
    due_by: datetime
    now: datetime
    clock: datetime


def lease(session: Session, worker: WorkerContext, rules: Rules, room: int) -> Batch:
    """Lease at most `room` messages, or return how long the rate limiter makes us wait."""
    health = circuit_breaker.locked_health(session, worker.provider)
    if room < 1 or circuit_breaker.is_open(health, worker.now):
        return Batch()
    allowed = circuit_breaker.refill(health, rules, worker.clock)
    if circuit_breaker.is_probing(health):
        room = 1
    messages = _due(session, worker, rules, min(room, max(allowed, 1)))
    if not messages:
        return Batch()
    if allowed < 1:
        return Batch(wait=circuit_breaker.wait_for_pace(health, rules, worker.clock))
    return _take(_Checks(session, rules, worker.now, messages), health, worker, messages)


def _take(
    checks: "_Checks", health: ProviderHealth, worker: WorkerContext, messages: Sequence[Message]
) -> Batch:
    session = checks.session
    budgets = circuit_breaker.budgets(session, checks.rules, worker.now)
    affordable = min((one.limit - one.used for one in budgets), default=None)
    deltas = CounterDeltas()
    leases: list[Lease] = []
    seen = 0
    for message in messages:
        reason = checks.reason_to_cancel(message)
        if reason:
            cancel(session, message, reason, worker.now, deltas)
        elif checks.is_held(message):
            pass  # checked before `obsolete`, so that waiting does not depend on an answer
        elif message.id in checks.obsolete:
            checks.settle(message, deltas)
        else:
            if affordable is not None:
                affordable -= message.segments
                if affordable < 0:
                    break
            circuit_breaker.book(health, message.segments, worker.now)
            leases.append(_begin(checks, message, worker))
        seen += 1
    health.tokens = max(health.tokens - len(leases), 0)
    if leases and circuit_breaker.is_probing(health):
        health.open_until = worker.now + circuit_breaker.PROBE_PAUSE
    deltas.write(session)
    return Batch(leases, seen)


def _begin(checks: "_Checks", message: Message, worker: WorkerContext) -> Lease:
    """Mark a message as being handed over by this process; committed before the call (fencing)."""
    opened = checks.opened[message.id]
    checks.note_begun(message)
    message.step(MessageState.SENDING)
    message.attempt += 1
    message.attempt_id = secrets.token_hex(16)
    message.owner, message.leased_at = worker.owner, worker.clock
    message.unknown_since, message.looks = worker.now, 0
    message.provider, message.provider_id, message.reason = worker.provider, None, ""
    today = local_day(worker.now)
    message.cost_dong = checks.rules.cost(worker.provider, message.segments, today)
    sms = OutgoingSms(
        attempt_id=message.attempt_id,
        recipient=opened.recipient,
        text=opened.body,
        encoding=message.encoding,
        segments=message.segments,
        valid_seconds=checks.rules.valid_seconds(worker.now, message.expires_at),
        at=worker.now,
    )
    return Lease(message.attempt_id, message.segments, sms)


def is_due(now: datetime) -> ColumnElement[bool]:
    """Condition for messages that are due, whatever prevents sending them."""
    return and_(Message.state == MessageState.READY, Message.due_at <= now)


def _due(session: Session, worker: WorkerContext, rules: Rules, room: int) -> list[Message]:
    """Messages that may be sent, replies first; rows are locked until the transaction ends."""
    if not rules.is_open(worker.now):
        # A reply that failed before counts as initiated by us and keeps to the sending window.
        query = _ready(worker.channel, ANSWERS, worker.now).where(Message.attempt == 0)
        return list(session.scalars(query.limit(room)))
    found: list[Message] = []
    for kinds in QUEUE:
        if room > len(found):
            # Replies that become due during the run are sent in it.
            by = worker.now if kinds == QUEUE[0] else worker.due_by
            query = _ready(worker.channel, kinds, by).limit(room - len(found))
            found += session.scalars(query)
    return found


def _ready(channel: MessageChannel, kinds: Sequence[MessageKind], now: datetime) -> Select[Message]:
    """Messages of a channel and of some kinds that are due, in the order of the kinds."""
    places = {kind: place for place, kind in enumerate(kinds)}
    order = [case(places, value=Message.kind)] if len(kinds) > 1 else []
    return (
        select(Message)
        .where(is_due(now), Message.channel == channel, Message.kind.in_(kinds))
        # Only unlinked reminders are sent: with a link to the invitation, a reminder's result
        # would reveal who answered.
        .where(or_(Message.kind != MessageKind.REMINDER, Message.invitation_id.is_(None)))
        .where(or_(Message.retry_at.is_(None), Message.retry_at <= now), Message.expires_at > now)
        .order_by(*order, Message.due_at)
        .with_for_update(skip_locked=True)
    )


def expire_overdue(session: Session, now: datetime) -> int:
    """Expire some messages whose time ended before they were sent; returns how many."""
    query = (
        select(Message)
        .where(Message.state == MessageState.READY, Message.expires_at <= now)
        .limit(_EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    deltas = CounterDeltas()
    messages = session.scalars(query).all()
    for message in messages:
        expire(session, message, now, deltas)
    deltas.write(session)
    return len(messages)


class _Checks:
    """Data that the rules need about a batch of messages, queried for all of them at once."""

    def __init__(
        self, session: Session, rules: Rules, now: datetime, messages: Sequence[Message]
    ) -> None:
        self.session, self.rules, self.now = session, rules, now
        self.opened = {one.id: Opened(one, recipient_of(one), body_of(one)) for one in messages}
        self.opted_out = _opted_out(session, self.opened.values())
        self.obsolete = obsolete(session, self.opened.values())
        self.begun = _begun(session, rules, now, self.opened.values())

    def reason_to_cancel(self, message: Message) -> str:
        """`no_mobile` (not a Vietnamese mobile, for any kind of message), `opted_out`, or empty."""
        if self.opened[message.id].recipient.prefix is None:
            return "no_mobile"
        is_unwanted = message.kind in ASKING and message.id in self.opted_out
        return "opted_out" if is_unwanted else ""

    def is_held(self, message: Message) -> bool:
        """Whether it must wait: GAP since the last message to this number, or the weekly limit."""
        if message.kind not in STARTED or self.rules.is_rehearsal:
            return False
        begun = self.begun[self.opened[message.id].recipient.address]
        until = max((instant + GAP for instant, _ in begun), default=self.now)
        asked = sorted(instant for instant, kind in begun if kind in ASKING)
        if message.kind in ASKING and len(asked) >= self.rules.week_cap:
            until = max(until, asked[-self.rules.week_cap] + WEEK)
        if until <= self.now:
            return False
        if message.kind == MessageKind.REMINDER:
            # A full timestamp would lead to the message it waits for, and so to a phone.
            until = until.replace(minute=0, second=0, microsecond=0) + HOUR
        message.retry_at = until
        return True

    def settle(self, message: Message, deltas: CounterDeltas) -> None:
        """End an obsolete message.

        An invitation that is answered or repudiated has arrived, whatever the provider reported:
        it is marked as sent like any other, or its row would reveal that there is an answer.
        """
        if message.kind == MessageKind.INVITATION:
            name = message.provider_id or message.attempt_id or ""
            accept(message, name, self.now, deltas)
        else:
            cancel(self.session, message, "not_needed", self.now, deltas)

    def note_begun(self, message: Message) -> None:
        """Record that a message is being sent, so that another to its number waits."""
        kind = MessageKind(message.kind)
        if kind in STARTED:
            self.begun[self.opened[message.id].recipient.address].append((self.now, kind))


def _opted_out(session: Session, opened: Iterable[Opened]) -> set[str]:
    """Ids of messages whose recipients opted out."""
    owners: dict[bytes, set[str]] = {}
    for one in opened:
        for index in OptOut.phone.hashes_of(session, one.recipient.indexed_text()):
            owners.setdefault(index, set()).add(one.message.id)
    wishes = session.scalars(select(OptOut.phone_index).where(OptOut.phone_index.in_(owners)))
    return {message_id for index in wishes for message_id in owners[index]}


def _begun(
    session: Session, rules: Rules, now: datetime, opened: Iterable[Opened]
) -> defaultdict[str, list[tuple[datetime, MessageKind]]]:
    """Address → (when sending began, kind) of messages that we initiated within a week.

    Each IndexUse has a blind index of its own, so the address is hashed once for each.
    """
    found: defaultdict[str, list[tuple[datetime, MessageKind]]] = defaultdict(list)
    recipients = {one.recipient for one in opened if one.message.kind in STARTED}
    if not recipients or rules.is_rehearsal:
        return found
    owners = {
        index: one.address
        for one in recipients
        for use in IndexUse
        for index in Message.recipient.hashes_of(session, one.indexed_text(use))
    }
    begun = func.coalesce(Message.sent_at, Message.unknown_since)
    rows = session.execute(
        select(Message.recipient_index, begun, Message.kind)
        .where(Message.recipient_index.in_(owners), Message.kind.in_(STARTED))
        .where(begun > now - WEEK)
    )
    for index, instant, kind in rows:
        found[owners[index or b""]].append((instant, MessageKind(kind)))
    return found
