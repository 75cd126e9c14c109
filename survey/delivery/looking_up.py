"""What one number was sent: found by the whole number only, and every look is recorded.

An account that sees one agency or sector finds messages about dossiers there and no others.
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
    """One message to the number; `last4` ends the code of the dossier it is about, or is empty."""

    kind: str
    state: str
    reason: str
    due_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    last4: str


@dataclass(frozen=True, slots=True)
class Number:
    """A masked number, the messages to it (newest first), and since when it opted out.

    Answers of a dialogue and reminders are never among them: the ones lose their number when they
    leave, the others bear another hash of it as soon as their day has come, since a reminder that
    left or was not needed reveals who answered. One that still waits for its day reveals nothing.
    """

    masked: str
    messages: list[Found]
    opted_out_on: date | None


def look_up(session: Session, staff: Staff, typed: str, now: datetime) -> Number:
    """Messages of a number as somebody typed it; the audit log records who looked and how much was
    seen.

    Invalid `bad_mobile` if it is no Vietnamese mobile.
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
