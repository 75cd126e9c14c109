"""One reminder to those who do not answer.

It is queued while the invitation still holds its link, sealed like any message; only when its turn
comes is it asked whether there is an answer, so nothing is written when somebody answers.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from survey.db import settings_of
from survey.models.invitation import Invitation
from survey.models.message import Message, MessageKind
from survey.models.organisation import Agency
from survey.privacy import sealing
from survey.sms.outbox.queue import Draft, enqueue
from survey.sms.text import SmsText, short_agency_name
from survey.sms.versions import compose

# A reminder leaves at least so much time to answer, or it is not sent.
LEAST_TIME = timedelta(days=1)


def queue_reminder(session: Session, message: Message, sent_at: datetime, days: int) -> None:
    """Queue the reminder of an invitation that leaves now, `days` later; none too near its end."""
    invitation = session.get_one(Invitation, message.invitation_id)
    due_at = sent_at + timedelta(days=days)
    if due_at + LEAST_TIME > invitation.expires_at:
        return
    sealed = message.phone_sealed or b""
    draft = Draft(
        kind=MessageKind.REMINDER,
        phone_e164=sealing.unseal(session, "message.phone", message.id, sealed),
        text=_text(session, invitation, message),
        due_at=due_at,
        expires_at=invitation.expires_at,
        invitation_id=invitation.id,
    )
    enqueue(session, sent_at, draft)


def _text(session: Session, invitation: Invitation, message: Message) -> SmsText:
    settings = settings_of(session)
    agency = session.get_one(Agency, invitation.coverage.agency_id)
    values = {"agency": short_agency_name(agency.name), "last4": invitation.dossier.code[-4:]}
    if invitation.reply_code:
        number = settings.sms.reply_number
        code = invitation.reply_code
        return compose(session, "reminder_two_way", code=code, reply_number=number, **values)
    body = sealing.unseal(session, "message.body", message.id, message.body_sealed or b"")
    token = next(
        token
        for token in sealing.TOKEN_SHAPE.findall(body)
        if message.token_hash in sealing.invitation_hashes(session, token)
    )
    return compose(session, "reminder", url=f"{settings.public_url}/s/{token}", **values)
