"""Taking messages that may leave now: the last look at every rule, in one short transaction."""

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
    """A message that this process alone may hand over now."""

    attempt_id: str
    segments: int
    sms: OutgoingSms


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at the queue gave: claims, rows dealt with, seconds to wait for the pace."""

    leases: Sequence[Lease] = ()
    seen: int = 0
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Who takes for which provider and channel, what of ours is due by which instant, the time of
    the run and the real clock.
    """

    provider: str
    channel: MessageChannel
    owner: str
    due_by: datetime
    now: datetime
    clock: datetime


def lease(session: Session, worker: WorkerContext, rules: Rules, room: int) -> Batch:
    """Take at most `room` messages, or say how long the pace makes us wait, or nothing."""
    health = circuit_breaker.locked_health(session, worker.provider)
    if room < 1 or circuit_breaker.is_closed(health, worker.now):
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
            pass  # before answers are looked up, so that having to wait reveals none
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
    """Mark a message as being handed over by this process."""
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
    """Messages that should have left by now, whatever holds them back."""
    return and_(Message.state == MessageState.READY, Message.due_at <= now)


def _due(session: Session, worker: WorkerContext, rules: Rules, room: int) -> list[Message]:
    """Messages that may leave, answers first, held until the transaction ends."""
    if not rules.is_open(worker.now):
        # An answer that failed before is a message of ours, and keeps to the window.
        query = _ready(worker.channel, ANSWERS, worker.now).where(Message.attempt == 0)
        return list(session.scalars(query.limit(room)))
    found: list[Message] = []
    for kinds in QUEUE:
        if room > len(found):
            # Whoever wrote while the run lasts does not wait for its end.
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
        # A reminder leaves unlinked from its invitation, or its state would reveal who answered.
        .where(or_(Message.kind != MessageKind.REMINDER, Message.invitation_id.is_(None)))
        .where(or_(Message.retry_at.is_(None), Message.retry_at <= now), Message.expires_at > now)
        .order_by(*order, Message.due_at)
        .with_for_update(skip_locked=True)
    )


def expire_overdue(session: Session, now: datetime) -> int:
    """End some messages that became worthless before they left; gives how many."""
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
    """What the rules need to know about a few messages, asked for all of them at once."""

    def __init__(
        self, session: Session, rules: Rules, now: datetime, messages: Sequence[Message]
    ) -> None:
        self.session, self.rules, self.now = session, rules, now
        self.opened = {one.id: Opened(one, recipient_of(one), body_of(one)) for one in messages}
        self.opted_out = _opted_out(session, self.opened.values())
        self.obsolete = obsolete(session, self.opened.values())
        self.begun = _begun(session, rules, now, self.opened.values())

    def reason_to_cancel(self, message: Message) -> str:
        """`no_mobile`: any number but a Vietnamese mobile's, whatever the kind; `opted_out`; or
        empty.
        """
        if self.opened[message.id].recipient.prefix is None:
            return "no_mobile"
        is_unwanted = message.kind in ASKING and message.id in self.opted_out
        return "opted_out" if is_unwanted else ""

    def is_held(self, message: Message) -> bool:
        """Whether another of ours just went to this number, or enough this week: it waits."""
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
            # An exact instant would lead to the message it waits for, and so to a phone.
            until = until.replace(minute=0, second=0, microsecond=0) + HOUR
        message.retry_at = until
        return True

    def settle(self, message: Message, deltas: CounterDeltas) -> None:
        """End what needs no answer any more.

        An invitation that is answered or repudiated has arrived, whatever the provider said: it is
        written down as any other, or its row would reveal that there is an answer.
        """
        if message.kind == MessageKind.INVITATION:
            name = message.provider_id or message.attempt_id or ""
            accept(message, name, self.now, deltas)
        else:
            cancel(self.session, message, "not_needed", self.now, deltas)

    def note_begun(self, message: Message) -> None:
        """Remember that a message leaves: another to its number waits."""
        kind = MessageKind(message.kind)
        if kind in STARTED:
            self.begun[self.opened[message.id].recipient.address].append((self.now, kind))


def _opted_out(session: Session, opened: Iterable[Opened]) -> set[str]:
    """Ids of messages to receivers that want no more."""
    owners: dict[bytes, set[str]] = {}
    for one in opened:
        for index in OptOut.phone.hashes_of(session, one.recipient.indexed_text()):
            owners.setdefault(index, set()).add(one.message.id)
    wishes = session.scalars(select(OptOut.phone_index).where(OptOut.phone_index.in_(owners)))
    return {message_id for index in wishes for message_id in owners[index]}


def _begun(
    session: Session, rules: Rules, now: datetime, opened: Iterable[Opened]
) -> defaultdict[str, list[tuple[datetime, MessageKind]]]:
    """By address: when we began a message of ours within a week, and of which kind.

    Reminders and what is written about cases are found by hashes that are theirs alone.
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
