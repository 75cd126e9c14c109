"""Putting messages into the outbox: sealed rows, written with whatever they belong to."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert
from sqlalchemy.orm import Session

from survey.db import table_of, write_many
from survey.models.message import Message, MessageKind, MessageState
from survey.privacy import sealing
from survey.sms.phone import prefix_of
from survey.sms.text import SmsText

WRITE_MESSAGE = insert(table_of(Message))


class Draft(NamedTuple):
    """A message to be sent between two instants; `token` is the link token its text holds."""

    kind: str
    phone_e164: str
    text: SmsText
    due_at: datetime
    expires_at: datetime
    invitation_id: int | None = None
    case_id: int | None = None
    token: str | None = None


def enqueue(session: Session, now: datetime, draft: Draft) -> Message:
    """Queue one message; one that was due before is due now."""
    message = Message(**_row(session, now, draft))
    session.add(message)
    return message


def enqueue_many(session: Session, now: datetime, drafts: Iterable[Draft]) -> None:
    """Queue many messages with one statement."""
    write_many(session, WRITE_MESSAGE, [_row(session, now, draft) for draft in drafts])


def _row(session: Session, now: datetime, draft: Draft) -> dict[str, object]:
    message_id = secrets.token_hex(16)
    hashed = sealing.invitation_hash(session, draft.token) if draft.token else None
    return {
        "id": message_id,
        "kind": draft.kind,
        "invitation_id": draft.invitation_id,
        "case_id": draft.case_id,
        "phone_sealed": sealing.seal(session, "message.phone", message_id, draft.phone_e164),
        "phone_index": sealing.phone_index(session, draft.phone_e164),
        "prefix": None if draft.kind == MessageKind.DIALOGUE else prefix_of(draft.phone_e164),
        "body_sealed": sealing.seal(session, "message.body", message_id, draft.text.text),
        "token_hash": hashed,
        "segments": draft.text.segments,
        "encoding": draft.text.encoding,
        "state": MessageState.READY,
        "due_at": max(draft.due_at, now),
        "expires_at": draft.expires_at,
    }
