"""Look-up of the messages sent to one phone number; each look-up is written to the audit log.

Numbers are found by blind index, so only by the whole number. An account limited to one agency or
sector finds only messages about dossiers there.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from survey import audit
from survey.errors import Invalid
from survey.messages.phone import recipient_at
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation, OptOut
from survey.models.message import Message
from survey.models.recipient import IndexUse
from survey.models.staff import Scope, Staff, scope_of

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Found:
    """One message to the number; `last4`: the end of its dossier's code, or empty."""

    kind: str
    state: str
    reason: str
    due_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    last4: str


@dataclass(frozen=True, slots=True)
class Number:
    """A masked number, the messages sent to it (newest first), and the day it opted out, if any.

    Sent messages of a dialogue are never included: they lose their number on sending. Nor are
    reminders from the day they are due: their number's blind index is then replaced with one that
    nothing else has, since whether a reminder was sent or not needed reveals who answered. A
    reminder that is not due yet reveals nothing and is included.
    """

    masked: str
    messages: list[Found]
    opted_out_on: date | None


def look_up(session: Session, staff: Staff, typed: str, now: datetime) -> Number:
    """Messages to a number as typed; the audit log records the account and how many it found.

    Invalid `bad_mobile` if it is not a Vietnamese mobile.
    """
    recipient = recipient_at(typed)
    if recipient is None:
        raise Invalid("bad_mobile")
    of_number = or_(
        Message.recipient.holds(session, recipient.indexed_text()),
        Message.recipient.holds(session, recipient.indexed_text(IndexUse.CASE)),
    )
    rows = session.execute(
        select(Message, Dossier.code, CoverageEntry)
        .outerjoin(Invitation, Invitation.id == Message.invitation_id)
        .outerjoin(Dossier, Dossier.id == Invitation.dossier_id)
        .outerjoin(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
        .where(of_number)
        .order_by(Message.due_at.desc())
        .limit(MOST_SHOWN)
    )
    scope = scope_of(session, staff)
    found = [_found(message, code) for message, code, entry in rows if _is_seen(scope, entry)]
    wish = select(OptOut.on).where(OptOut.phone.holds(session, recipient.indexed_text()))
    audit.append(
        session, now, "message.look_up", "phone", staff_id=staff.id, detail={"found": len(found)}
    )
    return Number(recipient.masked, found, session.scalars(wish).first())


def _is_seen(scope: Scope, entry: CoverageEntry | None) -> bool:
    if entry is None:
        return scope == Scope()
    return scope.holds(entry.agency_id, entry.sector_code)


def _found(message: Message, code: str | None) -> Found:
    return Found(
        kind=message.kind,
        state=message.state,
        reason=message.reason,
        due_at=message.due_at,
        sent_at=message.sent_at,
        settled_at=message.settled_at,
        last4=(code or "")[-4:],
    )
