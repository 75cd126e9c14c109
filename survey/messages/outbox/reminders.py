"""One reminder for each invitation, sent to those who have not answered.

It is queued when the invitation is sent, while its body with the link is still stored, and is
encrypted like any message. Its due time is a whole day: a timestamp would lead to the time at
which its invitation was sent. When the day has come it is unlinked from its invitation
(`unlinking`), and only before sending is it checked whether there is an answer. So nothing is
written when somebody answers, and the result of the reminder leads to nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.crypto.tokens import TOKEN_SHAPE
from survey.db import settings_of
from survey.messages.outbox.queue import Draft, enqueue_many
from survey.messages.placeholders import Wording
from survey.messages.text import SmsText, short_agency_name
from survey.messages.versions import approved, compose_as
from survey.models.count import Cell
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.message import Message, MessageKind
from survey.models.organisation import Agency
from survey.models.recipient import Recipient
from survey.province import province_of
from survey.province.workdays import local_midnight

# Least time to answer after a reminder; with less it is not queued.
LEAST_TIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that was just sent, with the body that its row no longer stores."""

    invitation_id: int
    recipient: Recipient
    body: str
    token_hash: bytes | None
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What an invitation is about."""

    cell: Cell
    expires_at: datetime
    reply_code: str | None
    last4: str
    agency: str


def questions(session: Session, invitation_ids: Sequence[int]) -> dict[int, Question]:
    """Invitation id → what it is about, with one query."""
    query = (
        select(Invitation, CoverageEntry, Dossier.code, Agency.name)
        .join(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
        .join(Dossier, Dossier.id == Invitation.dossier_id)
        .join(Agency, Agency.id == CoverageEntry.agency_id)
        .where(Invitation.id.in_(invitation_ids))
    )
    return {
        invitation.id: Question(
            entry.cell,
            invitation.expires_at,
            invitation.reply_code,
            code[-4:],
            short_agency_name(agency),
        )
        for invitation, entry, code, agency in session.execute(query)
    }


def queue_reminders(
    session: Session, invited: Sequence[Invited], asked: Mapping[int, Question]
) -> None:
    """Queue the reminders of sent invitations, except where too little time to answer is left."""
    days = province_of(session).reminder_days
    after = timedelta(days=days)
    due = [
        one
        for one in invited
        if one.sent_at + after + LEAST_TIME <= asked[one.invitation_id].expires_at
    ]
    if not days or not due:
        return
    names = {_name(asked[one.invitation_id]) for one in due}
    wordings = {name: approved(session, name) for name in names}
    drafts = [
        Draft(
            kind=MessageKind.REMINDER,
            recipient=one.recipient,
            text=_text(session, one, asked[one.invitation_id], wordings),
            due_at=local_midnight(one.sent_at) + after,
            expires_at=local_midnight(asked[one.invitation_id].expires_at),
            invitation_id=one.invitation_id,
        )
        for one in due
    ]
    enqueue_many(session, due[0].sent_at, drafts)


def _text(
    session: Session, one: Invited, question: Question, wordings: Mapping[str, Wording | None]
) -> SmsText:
    settings = settings_of(session)
    name = _name(question)
    values = {"agency": question.agency, "last4": question.last4}
    if question.reply_code:
        values |= {"code": question.reply_code, "reply_number": settings.sms.reply_number}
        return compose_as(wordings[name], name, **values)
    token = next(
        token
        for token in TOKEN_SHAPE.findall(one.body)
        if one.token_hash == Message.by_token.of(session, token)
    )
    url = f"{settings.public_url}/s/{token}"
    return compose_as(wordings[name], name, url=url, **values)


def _name(question: Question) -> str:
    """The name of the text: with a reply code, or with a link."""
    return "reminder_two_way" if question.reply_code else "reminder"
