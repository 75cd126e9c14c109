"""Delivery receipts of providers: each is stored once as received, then the message's state moves.

Idempotent: a receipt that arrives twice changes nothing the second time.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.messages.outbox import delivery_results
from survey.messages.outbox.circuit_breaker import locked_health, note_fault, note_load
from survey.messages.providers import LOAD, OPTED_OUT, SENDER, WORDS, DeliveryReceipt
from survey.messages.suppression import opt_out
from survey.models.message import Message, MessageState, Receipt
from survey.province.workdays import local_midnight

# States in which we do not know that the provider accepted the message: any receipt proves that it
# did. READY: it was released for another attempt that has not begun, and must not be sent again.
_UNPROVEN = frozenset({MessageState.SENDING, MessageState.UNKNOWN, MessageState.READY})


# So many refusals of our wording in a row are not chance.
SUSPICIOUS = 3
# Intermediate statuses, which do not interrupt a run of refusals.
UNDER_WAY = ("queued", "accepted", "sending", "sent")


def apply(session: Session, now: datetime, receipt: DeliveryReceipt) -> None:
    """Store a receipt and update its message; repeated, late, early or unknown ones do no harm."""
    if not _store(session, now, receipt):
        return
    if receipt.cause in {SENDER, WORDS, LOAD}:  # health row before message: senders' lock order
        _note_cause(session, now, receipt)
    message = _find(session, receipt)
    if message is None:
        return
    deltas = delivery_results.CounterDeltas()
    if message.state in _UNPROVEN:
        delivery_results.accept(message, receipt.provider_id, now, deltas)
    _move(session, message, receipt, now, deltas)
    deltas.write(session)


def _store(session: Session, now: datetime, receipt: DeliveryReceipt) -> bool:
    """Store the raw receipt; False if it was stored already."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = dialect.insert(Receipt).values(
        provider=receipt.provider,
        provider_id=receipt.provider_id[:64],
        attempt_id=receipt.attempt_id[:32],
        status=receipt.status[:30],
        error_code=receipt.error_code[:20],
        # The day only: the timestamp of a dialogue's receipt would be that of a rating, and
        # whether a receipt belongs to a dialogue is known only later.
        received_at=local_midnight(now),
    )
    stored = session.execute(row.on_conflict_do_nothing().returning(Receipt.id))
    return stored.first() is not None


def _note_cause(session: Session, now: datetime, receipt: DeliveryReceipt) -> None:
    """Pause the provider where the next messages would fail for the same cause."""
    health = locked_health(session, receipt.provider)
    if receipt.cause == LOAD:
        note_load(health, now)
    elif receipt.cause == SENDER or _is_a_run(session, receipt):
        note_fault(health, f"{receipt.provider} {receipt.error_code}", now)


def _is_a_run(session: Session, receipt: DeliveryReceipt) -> bool:
    """Whether the provider's latest SUSPICIOUS final receipts all have this status and error."""
    latest = (
        select(Receipt.status, Receipt.error_code)
        .where(Receipt.provider == receipt.provider, Receipt.status.not_in(UNDER_WAY))
        .order_by(Receipt.id.desc())
        .limit(SUSPICIOUS)
    )
    rows = session.execute(latest).all()
    same = (receipt.status, receipt.error_code)
    return len(rows) == SUSPICIOUS and all(tuple(row) == same for row in rows)


def _find(session: Session, receipt: DeliveryReceipt) -> Message | None:
    """The message of a receipt, locked: by our attempt id, else by the provider's id of it."""
    if receipt.attempt_id:
        by = Message.attempt_id == receipt.attempt_id
    else:
        by = (Message.provider_id == receipt.provider_id) & (Message.provider == receipt.provider)
    return session.scalars(select(Message).where(by).with_for_update()).first()


def _move(
    session: Session,
    message: Message,
    receipt: DeliveryReceipt,
    now: datetime,
    deltas: delivery_results.CounterDeltas,
) -> None:
    """Move the message to the receipt's state where the state machine allows the step."""
    if receipt.outcome == "delivered" and message.may_step(MessageState.DELIVERED):
        delivery_results.deliver(message, now)
    elif receipt.outcome == "undelivered" and message.may_step(MessageState.UNDELIVERED):
        if receipt.cause == OPTED_OUT and (recipient := message.recipient):
            opt_out(session, recipient, now)
        delivery_results.fail_delivery(session, message, receipt.error_code, now, deltas)
    elif receipt.outcome == "expired" and message.may_step(MessageState.EXPIRED):
        delivery_results.expire(session, message, now, deltas)
