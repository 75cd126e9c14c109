"""Citizens' links: finding the invitation of a token, repudiating it, and opting out."""

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload

from survey.crypto.tokens import TOKEN_ALPHABET, new_token, read_token
from survey.errors import NotFound
from survey.messages.suppression import opt_out
from survey.models.ballot import ballot_key
from survey.models.case import CaseRecord, CaseState, case_of
from survey.models.invitation import Invitation
from survey.models.message import Message, MessageKind
from survey.models.recipient import Recipient

# The page with the written reply can be read for so long after the case was closed.
READABLE_AFTER_CLOSE = timedelta(days=30)
_BY_HASH = (
    select(Invitation)
    .where(Invitation.token_hash == bindparam("token_hash"))
    .options(joinedload(Invitation.coverage))
)


class Link(Protocol):
    """The fields that decide whether a link accepts answers: an Invitation or a plain row."""

    @property
    def expires_at(self) -> datetime:
        """Answers are accepted before this instant."""

    @property
    def is_repudiated(self) -> bool:
        """Whether the recipient repudiated it: it is not their dossier."""


def may_answer(invitation: Link, now: datetime) -> bool:
    """Whether the link still accepts an answer."""
    return now < invitation.expires_at and not invitation.is_repudiated


def fresh_token(*, is_full: bool) -> str:
    """Draw a token whose link asks to rate each factor as well (`is_full`), or does not.

    Which of the two is stored nowhere else: a ballot shows it too, so a ballot that is the only
    one of its cell could be linked to its invitation.
    """
    while asks_factors(token := new_token()) is not is_full:
        continue
    return token


def asks_factors(token: str) -> bool:
    """Whether the link of a token asks to rate each factor as well, by the token's last letter."""
    return bool(token) and TOKEN_ALPHABET.index(token[-1]) % 2 == 1


def find_by_token(session: Session, token: str, now: datetime) -> Invitation:
    """The invitation of a link that accepts answers, or whose case keeps its page readable.

    NotFound `no_such_link`, the same for unknown, malformed and expired tokens.
    """
    clean = read_token(token)
    if clean is None:
        raise NotFound("no_such_link")
    token_hash = Invitation.by_token.of(session, clean)
    invitation = session.scalars(_BY_HASH, {"token_hash": token_hash}).first()
    if invitation is None:
        raise NotFound("no_such_link")
    if now >= invitation.expires_at and not _keep_readable(session, clean, now):
        raise NotFound("no_such_link")
    return invitation


def _keep_readable(session: Session, token: str, now: datetime) -> bool:
    case = session.scalar(case_of(session, ballot_key(session, token)))
    return case is not None and stays_readable(case.record, now)


def stays_readable(case: CaseRecord, now: datetime) -> bool:
    """Whether a case keeps the page of its link readable after the link has expired."""
    if case.state != CaseState.CLOSED or case.closed_at is None:
        return True
    return now < case.closed_at + READABLE_AFTER_CLOSE


def repudiate(session: Session, token: str, now: datetime) -> Invitation:
    """The recipient repudiates the invitation (not my dossier); the link accepts no more answers.

    NotFound `no_such_link`.
    """
    invitation = find_by_token(session, token, now)
    invitation.is_repudiated = True
    session.flush()
    return invitation


def stop(session: Session, token: str, now: datetime) -> None:
    """Opt out the phone of this link; queued messages are cancelled when they would be sent.

    NotFound `no_such_link`.
    """
    recipient = _asked(session, find_by_token(session, token, now))
    if recipient is not None:
        opt_out(session, recipient, now)


def _asked(session: Session, invitation: Invitation) -> Recipient | None:
    """Who was asked, by the message: the dossier's number may have been corrected since."""
    asking = select(Message).where(
        Message.invitation_id == invitation.id, Message.kind == MessageKind.INVITATION
    )
    message = session.scalars(asking.where(Message.recipient_sealed.is_not(None))).first()
    if message is not None:
        return message.recipient
    number = invitation.dossier.phone
    return Recipient.by_sms(number) if number else None
