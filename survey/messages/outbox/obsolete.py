"""Messages that are obsolete: the question was answered or repudiated, or never reached its phone.

A reminder is unlinked from its invitation, so the invitation is found by what the reminder's text
contains: the token of the link, or the reply code together with the phone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.crypto.tokens import REPLY_CODE_LENGTH, TOKEN_ALPHABET, TOKEN_SHAPE, reply_secret
from survey.models.ballot import answered_keys, ballot_key
from survey.models.invitation import Invitation
from survey.models.message import Message, MessageKind, MessageState
from survey.models.recipient import Recipient

# A reply code as it stands in a text.
CODE_SHAPE = re.compile(rf"\b[{TOKEN_ALPHABET}]{{{REPLY_CODE_LENGTH}}}\b")


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with its decrypted recipient and text."""

    message: Message
    recipient: Recipient
    body: str

    @property
    def tokens(self) -> list[str]:
        """Parts of the text that have the shape of a link token."""
        return TOKEN_SHAPE.findall(self.body)


def obsolete(session: Session, opened: Iterable[Opened]) -> set[str]:
    """Ids of reminders that are not needed, and of retried invitations that evidently arrived."""
    messages = list(opened)
    reminders = [one for one in messages if one.message.kind == MessageKind.REMINDER]
    repeated = [one for one in messages if _is_repeated(one.message)]
    if not reminders and not repeated:
        return set()
    asked = _by_link(session, reminders)
    asked |= _by_reply_code(session, [one for one in reminders if one.message.id not in asked])
    never_came = _never_came(session, [invitation.id for invitation in asked.values()])
    done = {name for name, invitation in asked.items() if invitation.id in never_came}
    asked |= _by_row(session, repeated)
    done |= {name for name, invitation in asked.items() if invitation.is_repudiated}
    return done | _answered(session, [*reminders, *repeated], asked)


def _is_repeated(message: Message) -> bool:
    return message.kind == MessageKind.INVITATION and message.attempt > 0


def _by_row(session: Session, repeated: Iterable[Opened]) -> dict[str, Invitation]:
    """Message id → invitation, for messages whose row names it."""
    names = {one.message.invitation_id: one.message.id for one in repeated}
    found = session.scalars(select(Invitation).where(Invitation.id.in_(names)))
    return {names[one.id]: one for one in found}


def _by_link(session: Session, reminders: Sequence[Opened]) -> dict[str, Invitation]:
    """Message id → invitation, by the link in the text."""
    owners = {
        Invitation.by_token.of(session, token): one.message.id
        for one in reminders
        for token in one.tokens
    }
    found = session.scalars(select(Invitation).where(Invitation.token_hash.in_(owners)))
    return {owners[one.token_hash]: one for one in found if one.token_hash}


def _by_reply_code(session: Session, reminders: Sequence[Opened]) -> dict[str, Invitation]:
    """Message id → invitation, by the reply code in the text and the phone.

    The phone is that of the invitation's message: an import may have corrected the dossier's phone
    since.
    """
    owners = {
        (index, code): one.message.id
        for one in reminders
        for code in CODE_SHAPE.findall(one.body)
        for index in Message.recipient.hashes_of(session, one.recipient.indexed_text())
    }
    rows = session.execute(
        select(Message.recipient_index, Invitation)
        .join(Invitation, Invitation.id == Message.invitation_id)
        .where(Message.recipient_index.in_({index for index, _ in owners}))
        .where(Message.kind == MessageKind.INVITATION)
        .where(Invitation.reply_code.in_({code for _, code in owners}))
    )
    asked = {(index, one.reply_code): one for index, one in rows}
    return {owners[key]: asked[key] for key in owners.keys() & asked.keys()}


def _never_came(session: Session, invitations: Iterable[int]) -> set[int | None]:
    """Invitations whose message did not reach its phone."""
    query = select(Message.invitation_id).where(
        Message.invitation_id.in_(invitations),
        Message.kind == MessageKind.INVITATION,
        Message.state.in_([MessageState.UNDELIVERED, MessageState.EXPIRED]),
    )
    return set(session.scalars(query))


def _answered(
    session: Session, opened: Iterable[Opened], asked: Mapping[str, Invitation]
) -> set[str]:
    """Ids of messages whose question has a ballot."""
    owners: dict[bytes, str] = {}
    for one in opened:
        invitation = asked.get(one.message.id)
        code = invitation.reply_code if invitation else None
        secrets = [reply_secret(invitation.id, code)] if invitation and code else one.tokens
        owners |= {ballot_key(session, secret): one.message.id for secret in secrets}
    return {owners[key] for key in answered_keys(session, owners)}
