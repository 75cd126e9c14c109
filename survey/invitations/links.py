"""What a citizen's link opens, and two wishes: this is not my dossier, send me no more."""

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

# The page with the written reply stays readable so long after the case was closed.
READABLE_AFTER_CLOSE = timedelta(days=30)
_BY_HASH = (
    select(Invitation)
    .where(Invitation.token_hash == bindparam("token_hash"))
    .options(joinedload(Invitation.coverage))
)


class Link(Protocol):
    """What decides whether a link still takes answers: the model has it, and so has a plain row."""

    @property
    def expires_at(self) -> datetime:
        """When it may be answered until."""

    @property
    def is_repudiated(self) -> bool:
        """Whether the receiver said: not my dossier."""


def may_answer(invitation: Link, now: datetime) -> bool:
    """Whether the question can still be answered."""
    return now < invitation.expires_at and not invitation.is_repudiated


def fresh_token(*, is_full: bool) -> str:
    """A token whose link asks to rate each factor as well, or does not.

    No stored value may reveal it: the row of the answer does, and the only one of a cell would be
    named.
    """
    while asks_factors(token := new_token()) is not is_full:
        continue
    return token


def asks_factors(token: str) -> bool:
    """Whether the link of a token, as it was drawn, asks to rate each factor as well."""
    return bool(token) and TOKEN_ALPHABET.index(token[-1]) % 2 == 1


def find_by_token(session: Session, token: str, now: datetime) -> Invitation:
    """The invitation of a link: open to answers, or kept readable by a case.

    NotFound with one code for unknown, malformed and expired ones.
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
    """Whether a case with this record keeps the page of its link readable after the link
    expired.
    """
    if case.state != CaseState.CLOSED or case.closed_at is None:
        return True
    return now < case.closed_at + READABLE_AFTER_CLOSE


def repudiate(session: Session, token: str, now: datetime) -> Invitation:
    """The receiver says: not my dossier. The link takes no answer any more."""
    invitation = find_by_token(session, token, now)
    invitation.is_repudiated = True
    session.flush()
    return invitation


def stop(session: Session, token: str, now: datetime) -> None:
    """No more messages to the phone of this link; what is queued is dropped when its turn comes."""
    recipient = _asked(session, find_by_token(session, token, now))
    if recipient is not None:
        opt_out(session, recipient, now)


def _asked(session: Session, invitation: Invitation) -> Recipient | None:
    """Who was asked: the dossier's number may have been corrected since."""
    asking = select(Message).where(
        Message.invitation_id == invitation.id, Message.kind == MessageKind.INVITATION
    )
    message = session.scalars(asking.where(Message.recipient_sealed.is_not(None))).first()
    if message is not None:
        return message.recipient
    number = invitation.dossier.phone
    return Recipient.by_sms(number) if number else None
