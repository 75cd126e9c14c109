"""Delivery results of messages: their state and stored data, coverage ledger and sampling frame."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.messages.outbox.queue import body_of, recipient_of
from survey.messages.outbox.reminders import Invited, questions, queue_reminders
from survey.messages.suppression import opt_out
from survey.models.count import Cell, move_frame
from survey.models.invitation import Decision, Invitation
from survey.models.message import Message, MessageKind, MessageState
from survey.province.workdays import local_midnight

# Back-off: minutes until the next attempt after the 1st, 2nd, … call that created no message.
BACK_OFF = (1, 2, 5, 10, 20, 30, 60)


class CounterDeltas:
    """Changes of sampling frame counters and new reminders, collected and written together.

    Counters are written in a fixed order, so that concurrent writers cannot deadlock.
    """

    def __init__(self) -> None:
        self.steps: Counter[tuple[Cell, str]] = Counter()
        self.invited: list[Invited] = []

    def add(self, cell: Cell, field: str, step: int) -> None:
        """Add `step` to the change of a counter of the sampling frame."""
        self.steps[cell, field] += step

    def write(self, session: Session) -> None:
        """Update the sampling frame and queue the reminders."""
        if self.invited:
            asked = questions(session, [one.invitation_id for one in self.invited])
            for one in self.invited:
                self.add(asked[one.invitation_id].cell, "delivered", 1)
            queue_reminders(session, self.invited, asked)
        for (cell, field), step in sorted(self.steps.items(), key=repr):
            if step:
                move_frame(session, cell, **{field: step})


def accept(message: Message, provider_id: str, now: datetime, deltas: CounterDeltas) -> None:
    """The provider accepted it: delete the body, for dialogues and reminders also the recipient.

    `now`: when it was handed over; the due day of an invitation's reminder is counted from then.
    """
    message.step(MessageState.SENT)
    message.provider_id = provider_id
    message.sent_at = now
    message.reason = ""
    _forget_fate(message)
    if message.kind == MessageKind.INVITATION and message.invitation_id is not None:
        recipient, body = recipient_of(message), body_of(message)
        left = Invited(message.invitation_id, recipient, body, message.token_hash, now)
        deltas.invited.append(left)
    _blank(message)


def refuse(
    session: Session, message: Message, reason: str, now: datetime, deltas: CounterDeltas
) -> None:
    """The provider refused it for good: the ledger records that the citizen was not asked.

    `opted_out`: the phone opted out at the provider; it is added to our opt-out list.
    """
    decision = Decision.PROVIDER_REFUSED
    if reason == "opted_out":
        decision = Decision.OPTED_OUT
        opt_out(session, recipient_of(message), now)
    _end(message, MessageState.FAILED, reason, now)
    _uninvite(session, message, decision, deltas)


def expire(session: Session, message: Message, now: datetime, deltas: CounterDeltas) -> None:
    """It expired before it was sent, or before the provider sent it on."""
    handed_over = message.state == MessageState.SENT
    _end(message, MessageState.EXPIRED, "expired", now)
    cell = _invited_cell(session, message)
    if handed_over and cell:
        deltas.add(cell, "delivered", -1)
    _uninvite(session, message, Decision.EXPIRED_UNSENT, deltas)


def cancel(
    session: Session, message: Message, reason: str, now: datetime, deltas: CounterDeltas
) -> None:
    """Cancel a message that must not be sent any more.

    `opted_out` and `no_mobile` change the decision of an invitation in the coverage ledger;
    `not_needed` is used for reminders only.
    """
    _end(message, MessageState.CANCELLED, reason, now)
    decisions = {"opted_out": Decision.OPTED_OUT, "no_mobile": Decision.BAD_PHONE}
    if reason in decisions:
        _uninvite(session, message, decisions[reason], deltas)


def deliver(message: Message, now: datetime) -> None:
    """The network reports that it arrived."""
    message.step(MessageState.DELIVERED)
    message.settled_at = _instant_of(message, now)


def fail_delivery(
    session: Session, message: Message, reason: str, now: datetime, deltas: CounterDeltas
) -> None:
    """The network reports that it did not arrive."""
    message.step(MessageState.UNDELIVERED)
    message.settled_at, message.reason = _instant_of(message, now), reason
    if cell := _invited_cell(session, message):
        deltas.add(cell, "delivered", -1)


def withdraw(session: Session, case_code: str, now: datetime) -> None:
    """Unlink the messages about a case from it, because the citizen wants no contact any more.

    Waiting messages are cancelled. A call under way keeps its recipient until its result is known,
    and is not repeated.
    """
    about = Message.by_case.of(session, case_code)
    query = select(Message).where(Message.case_hash == about).order_by(Message.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    for message in session.scalars(query):
        # A message about a case without a prefix is recognised as withdrawn (see `_blank`).
        message.case_hash = message.prefix = None
        if message.state == MessageState.READY:
            _end(message, MessageState.CANCELLED, "withdrawn", local_midnight(now))
        elif message.state in {MessageState.SENDING, MessageState.UNKNOWN}:
            message.expires_at = local_midnight(now)
        else:
            _blank(message)


def try_later(message: Message, reason: str, now: datetime) -> None:
    """The call certainly created no message: queue it again with increasing back-off."""
    minutes = BACK_OFF[min(message.attempt, len(BACK_OFF)) - 1]
    message.step(MessageState.READY)
    message.reason = reason
    message.retry_at = now + timedelta(minutes=minutes)
    _forget_fate(message)


def undo_attempt(message: Message, reason: str) -> None:
    """Our own configuration failed: queue it again as if it had not been tried."""
    message.step(MessageState.READY)
    message.reason = reason
    message.attempt -= 1
    _forget_fate(message)


def mark_unknown(message: Message, reason: str) -> None:
    """It is unknown whether it was sent; `reconcile` will find out."""
    if message.state != MessageState.UNKNOWN:  # its lease may have expired meanwhile
        message.step(MessageState.UNKNOWN)
    message.reason, message.owner = reason, None


def release(message: Message) -> None:
    """It was certainly not sent, or a person wants it sent again: back into the queue."""
    message.step(MessageState.READY)
    message.reason, message.retry_at = "released", None
    _forget_fate(message)


def _forget_fate(message: Message) -> None:
    message.owner, message.leased_at, message.unknown_since, message.looks = None, None, None, 0


def _end(message: Message, state: MessageState, reason: str, now: datetime) -> None:
    message.step(state)
    message.reason, message.settled_at = reason, _instant_of(message, now)
    _forget_fate(message)
    _blank(message)


def _blank(message: Message) -> None:
    message.body_sealed = None
    if message.kind == MessageKind.DIALOGUE:
        message.recipient = None
        _forget_instants(message)
    if message.kind == MessageKind.CASE_REPLY and message.prefix is None:
        message.recipient = None
    if message.kind == MessageKind.REMINDER and message.invitation_id is None:
        _forget_reminded(message)


def _instant_of(message: Message, now: datetime) -> datetime:
    """The timestamp to store: only the day for a dialogue, whose texts follow a rating at once."""
    return local_midnight(now) if message.kind == MessageKind.DIALOGUE else now


def _forget_instants(message: Message) -> None:
    """Reduce the timestamps of a finished message of a dialogue to days."""
    message.due_at = message.expires_at = local_midnight(message.due_at)
    message.retry_at = None
    if message.sent_at is not None:
        message.sent_at = local_midnight(message.sent_at)


def _forget_reminded(message: Message) -> None:
    """Delete what distinguishes an unlinked reminder from others of its day, except its result.

    Its result reveals who answered, so it must lead to nobody. If it was sent, the blind index of
    its address stays, to enforce the weekly limit of messages to a number.
    """
    message.recipient_sealed = message.retry_at = None
    message.expires_at = message.due_at
    if message.sent_at is None:
        message.recipient_index = None


def _invited_cell(session: Session, message: Message) -> Cell | None:
    """The cell of the dossier that an invitation asks about; None for other messages."""
    if message.kind != MessageKind.INVITATION or message.invitation_id is None:
        return None
    return session.get_one(Invitation, message.invitation_id).coverage.cell


def _uninvite(
    session: Session, message: Message, decision: Decision, deltas: CounterDeltas
) -> None:
    """Set the reason in the coverage ledger entry of an invitation that was not made after all."""
    if cell := _invited_cell(session, message):
        session.get_one(Invitation, message.invitation_id).coverage.decision = decision
        deltas.add(cell, "invited", -1)
