"""Messages whose result reconciliation could not find out: a person decides if they were sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey import audit
from survey.messages.outbox import delivery_results
from survey.messages.outbox.reconciling import LOOKS
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from survey.models.message import Message, MessageState

# Reconciliation has asked the provider twice by then and will not find out by itself any more.
ASKED_AFTER = LOOKS[-1] + timedelta(minutes=5)
SHOWN_AT_ONCE = 50


class Verdict(StrEnum):
    """A person's decision about an unclear message."""

    LEFT = "left"
    SEND_AGAIN = "send_again"


@dataclass(frozen=True, slots=True)
class Unclear:
    """One message to decide about; `phone` is masked, `last4` is the end of its dossier's code.

    `last4` is empty where the message is linked to no dossier, such as a reminder.
    """

    id: str
    kind: str
    phone: str
    last4: str
    provider: str
    since: datetime
    reason: str


def waiting_for_person(session: Session, now: datetime) -> int:
    """How many messages need a person's decision."""
    query = select(func.count()).select_from(_for_person(now).subquery())
    return session.scalar(query) or 0


def unclear(session: Session, now: datetime) -> list[Unclear]:
    """The oldest messages that need a person's decision, at most fifty."""
    query = (
        select(Message, Dossier.code)
        .outerjoin(Invitation, Invitation.id == Message.invitation_id)
        .outerjoin(Dossier, Dossier.id == Invitation.dossier_id)
        .where(Message.state == MessageState.UNKNOWN, Message.unknown_since <= now - ASKED_AFTER)
        .order_by(Message.unknown_since, Message.id)
        .limit(SHOWN_AT_ONCE)
    )
    return [_shown(message, code) for message, code in session.execute(query)]


def decide(
    session: Session, staff_id: int, ids: Sequence[str] | None, verdict: Verdict, now: datetime
) -> int:
    """Decide about the messages named, or about all that need it (None); returns how many.

    LEFT: they count as sent, from when the call began. SEND_AGAIN: they go back into the queue,
    where every rule is checked again. One whose result became known meanwhile is not changed.
    """
    query = _for_person(now).order_by(Message.id).with_for_update(skip_locked=True)
    if ids is not None:
        query = query.where(Message.id.in_(ids))
    deltas = delivery_results.CounterDeltas()
    messages = session.scalars(query).all()
    for message in messages:
        if verdict is Verdict.SEND_AGAIN:
            delivery_results.release(message)
        else:
            name = message.provider_id or message.attempt_id or ""
            delivery_results.accept(message, name, message.unknown_since or now, deltas)
    deltas.write(session)
    if messages:
        detail = {"verdict": verdict, "messages": len(messages)}
        audit.append(session, now, "message.decide", "messages", staff_id=staff_id, detail=detail)
    return len(messages)


def _for_person(now: datetime) -> Select[Message]:
    return select(Message).where(
        Message.state == MessageState.UNKNOWN, Message.unknown_since <= now - ASKED_AFTER
    )


def _shown(message: Message, code: str | None) -> Unclear:
    recipient = message.recipient
    return Unclear(
        id=message.id,
        kind=message.kind,
        phone=recipient.masked if recipient else "",
        last4=(code or "")[-4:],
        provider=message.provider or "",
        since=message.unknown_since or message.due_at,
        reason=message.reason,
    )
