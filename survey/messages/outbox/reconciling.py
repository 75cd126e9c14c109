"""Reconciliation of calls with unknown results: the provider is asked twice before a resend."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from survey import clock
from survey.crypto.tokens import TOKEN_SHAPE
from survey.db import transaction
from survey.messages.outbox import delivery_results
from survey.messages.outbox.queue import body_of, recipient_of
from survey.messages.outbox.rules import Rules, load_rules
from survey.messages.providers import ListedSms, Provider
from survey.models.message import Message, MessageKind, MessageState
from survey.models.province import SendBias
from survey.models.recipient import Recipient
from survey.province.workdays import local_midnight

# The provider is asked so long after the call, by the clock of the run.
LOOKS = (timedelta(minutes=2), timedelta(minutes=10))
# Real clock: the provider had at least this long to list a call, however fast the run's clock is.
SETTLE = timedelta(seconds=5)
NO_RECEIPT = timedelta(hours=72)
# Real clock: a lease older than this belongs to a process that died. No call lasts so long.
LEASE = timedelta(seconds=50)
ASKERS = 8
ASKED_AT_ONCE = 100

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReconcileSummary:
    """Messages with unknown results: found sent, put back into the queue, and still unknown."""

    found_sent: int
    released: int
    still_unknown: int


@dataclass(frozen=True, slots=True)
class _Unclear:
    """One attempt with an unknown result."""

    message_id: str
    attempt_id: str
    recipient: Recipient
    body: str
    leased_at: datetime


def reconcile(
    provider: Provider, now: datetime, settle: timedelta = SETTLE, lease: timedelta = LEASE
) -> ReconcileSummary:
    """Ask the provider about messages with unknown results; opens its own transactions.

    Found: marked as sent. Not found the second time: back into the queue. Where the provider
    cannot be asked, a person decides, or they go back into the queue if the province prefers that.
    """
    with transaction() as session:
        rules = load_rules(session)
        _take_over(session, clock.now() - lease)
        if provider.abilities.gives_receipts:
            _give_up_receipts(session, now)
    found = released = 0
    for number, age in enumerate(LOOKS, 1):
        if provider.abilities.can_list:
            here, back = _look(provider, number, now - age, settle)
            found, released = found + here, released + back
    released += _release_unasked(provider, rules, now)
    with transaction() as session:
        query = select(func.count()).select_from(Message)
        unknown = session.scalar(query.where(Message.state == MessageState.UNKNOWN))
    return ReconcileSummary(found, released, unknown or 0)


def _take_over(session: Session, before: datetime) -> None:
    """Mark messages with expired leases as unknown: a process died and may have made the call."""
    query = (
        select(Message)
        .where(Message.state == MessageState.SENDING, Message.leased_at <= before)
        .with_for_update(skip_locked=True)
    )
    for message in session.scalars(query):
        delivery_results.mark_unknown(message, "worker_lost")


def _give_up_receipts(session: Session, now: datetime) -> None:
    """Close sent messages for which no receipt will come any more.

    Of messages of a dialogue only the day on which they were sent is stored.
    """
    before, today = now - NO_RECEIPT, local_midnight(now)
    is_dialogue = Message.kind == MessageKind.DIALOGUE
    session.execute(
        update(Message)
        .where(Message.state == MessageState.SENT, Message.sent_at <= before)
        .where(~is_dialogue | (Message.sent_at < local_midnight(before)))
        .values(
            state=MessageState.DELIVERY_UNKNOWN, settled_at=case((is_dialogue, today), else_=now)
        )
    )


def _release_unasked(provider: Provider, rules: Rules, now: datetime) -> int:
    """Put back messages of a provider that cannot list, if the province prefers that; how many."""
    if provider.abilities.can_list or rules.bias != SendBias.PREFER_SEND:
        return 0
    query = (
        select(Message)
        .where(Message.state == MessageState.UNKNOWN, Message.provider == provider.name)
        .where(Message.unknown_since <= now - LOOKS[-1])
        .with_for_update(skip_locked=True)
    )
    with transaction() as session:
        messages = session.scalars(query).all()
        for message in messages:
            delivery_results.release(message)
        return len(messages)


def _look(provider: Provider, number: int, before: datetime, settle: timedelta) -> tuple[int, int]:
    """Ask for the first or second time where it is due; (found, released)."""
    found = released = 0
    after = ""
    while unclear := _next_unclear(provider.name, number, before, after):
        _let_settle(unclear, number, settle)
        for one, listed in _ask(provider, unclear):
            with transaction() as session:
                outcome = _conclude(session, one, listed, number)
            found, released = found + (outcome == "found"), released + (outcome == "released")
        after = unclear[-1].message_id
    return found, released


def _next_unclear(provider: str, number: int, before: datetime, after: str) -> list[_Unclear]:
    """A batch of messages to ask about, ordered by id, decrypted for comparison."""
    query = (
        select(Message)
        .where(Message.state == MessageState.UNKNOWN, Message.provider == provider)
        .where(Message.looks < number, Message.unknown_since <= before, Message.id > after)
        .order_by(Message.id)
        .limit(ASKED_AT_ONCE)
    )
    with transaction() as session:
        return [
            _Unclear(
                message_id=message.id,
                attempt_id=message.attempt_id or "",
                recipient=recipient_of(message),
                body=body_of(message),
                leased_at=message.leased_at or before,
            )
            for message in session.scalars(query)
        ]


def _let_settle(unclear: Sequence[_Unclear], number: int, settle: timedelta) -> None:
    """Wait until the latest call is `settle` old by the real clock; twice that the second time."""
    youngest = max(one.leased_at for one in unclear)
    left = youngest + settle * number - clock.now()
    time.sleep(max(left.total_seconds(), 0))


def _ask(provider: Provider, unclear: Sequence[_Unclear]) -> list[tuple[_Unclear, list[ListedSms]]]:
    """What the provider lists for each recipient; failed queries are left for the next run."""
    with ThreadPoolExecutor(ASKERS) as pool:
        calls = {one: pool.submit(provider.list_sent, one.recipient) for one in unclear}
        wait(calls.values())
    answers = []
    for one, call in calls.items():
        if fault := call.exception():
            log.warning("sms.listing_failed", fault=type(fault).__name__, attempt=one.attempt_id)
        else:
            answers.append((one, call.result()))
    return answers


def _conclude(session: Session, one: _Unclear, listed: list[ListedSms], number: int) -> str:
    """Store the result of asking, unless the message has changed meanwhile."""
    query = (
        select(Message)
        .where(Message.id == one.message_id, Message.attempt_id == one.attempt_id)
        .where(Message.state == MessageState.UNKNOWN, Message.looks < number)
        .with_for_update()
    )
    message = session.scalars(query).first()
    if message is None:
        return "overtaken"
    provider_id = _recognise(session, message, one, listed)
    if provider_id is not None:
        deltas = delivery_results.CounterDeltas()
        began = message.unknown_since or message.due_at
        delivery_results.accept(message, provider_id, began, deltas)
        deltas.write(session)
        return "found"
    message.looks = number
    if number < len(LOOKS):
        return "looked"
    delivery_results.release(message)
    return "released"


def _recognise(
    session: Session, message: Message, one: _Unclear, listed: list[ListedSms]
) -> str | None:
    """The provider's id of this message: matched by our attempt id, its text or the token in it."""
    query = select(Message.provider_id).where(
        Message.provider_id.in_([sms.provider_id for sms in listed]), Message.id != message.id
    )
    others = set(session.scalars(query))
    for sms in listed:
        if sms.provider_id in others:
            continue
        if sms.attempt_id == one.attempt_id or sms.text == one.body:
            return sms.provider_id
        if message.kind == MessageKind.INVITATION and _holds_token(session, message, sms.text):
            return sms.provider_id
    return None


def _holds_token(session: Session, message: Message, text: str) -> bool:
    return any(
        message.token_hash == Message.by_token.of(session, token)
        for token in TOKEN_SHAPE.findall(text)
    )
