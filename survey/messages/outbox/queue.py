"""Queueing messages in the transactional outbox: encrypted rows in the caller's transaction."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import insert
from sqlalchemy.orm import Session

from survey.bulk import write_many
from survey.db import table_of
from survey.messages.text import SmsText
from survey.models.message import Message, MessageKind, MessageState, indexed_text
from survey.models.recipient import Recipient

WRITE_MESSAGE = insert(table_of(Message))
# Bytes; more than the longest message of a dialogue needs (five segments). All of them are padded
# to this length, since thanks and the question what went wrong differ in length, which would
# reveal a rating. So are unlinked reminders: a body's length would link it to its invitation.
PADDED_BYTES = 1024


class Draft(NamedTuple):
    """A message to be sent between two instants; `token` is the link token its text holds."""

    kind: str
    recipient: Recipient
    text: SmsText
    due_at: datetime
    expires_at: datetime
    invitation_id: int | None = None
    case_code: str | None = None
    token: str | None = None


def enqueue(session: Session, now: datetime, draft: Draft) -> Message:
    """Queue one message; a due time in the past becomes `now`."""
    message = Message(**_row(session, now, draft))
    session.add(message)
    return message


def enqueue_many(session: Session, now: datetime, drafts: Iterable[Draft]) -> None:
    """Queue many messages with one statement."""
    write_many(session, WRITE_MESSAGE, [_row(session, now, draft) for draft in drafts])


def _row(session: Session, now: datetime, draft: Draft) -> dict[str, object]:
    message_id = secrets.token_hex(16)
    hashed = Message.by_token.of(session, draft.token) if draft.token else None
    about = Message.by_case.of(session, draft.case_code) if draft.case_code else None
    recipient = draft.recipient
    body = draft.text.text
    if draft.kind == MessageKind.DIALOGUE:
        # Database pages keep the bytes long after the row has lost them.
        body = padded(body)
    return {
        "id": message_id,
        "kind": draft.kind,
        "channel": recipient.channel,
        "invitation_id": draft.invitation_id,
        "case_hash": about,
        "recipient_sealed": Message.recipient.encrypt(session, message_id, recipient),
        "recipient_index": Message.recipient.hash_of(session, indexed_text(draft, recipient)),
        "prefix": None if draft.kind == MessageKind.DIALOGUE else recipient.prefix,
        **Message.body.columns(session, message_id, body),
        "token_hash": hashed,
        "segments": draft.text.segments,
        "encoding": draft.text.encoding,
        "state": MessageState.READY,
        "due_at": max(draft.due_at, now),
        "expires_at": draft.expires_at,
    }


def padded(text: str) -> str:
    """A body padded with blanks to PADDED_BYTES; `body_of` strips them."""
    return text + " " * (PADDED_BYTES - len(text.encode()))


def body_of(message: Message) -> str:
    """The text of a message; empty once the body was deleted."""
    return (message.body or "").rstrip()


def recipient_of(message: Message) -> Recipient:
    """The recipient of a message that was not sent yet: such a row always has one."""
    return cast("Recipient", message.recipient)
