"""Reminders whose day has come are parted from their invitations, all of them, answered or not.

Whether a reminder left or was not needed tells whether there is an answer, so from here on its row
must lead to no dossier and no phone: it is written anew, under a new id and in a random place, with
a hash of the phone that nothing else holds. Its encrypted body alone knows what it asks about.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, select, true
from sqlalchemy.orm import Session

from survey.bulk import write_many
from survey.db import table_of
from survey.models.message import Conversation, Message, MessageKind, MessageState, parted_text
from survey.row_order import shuffle_rows
from survey.sms.outbox.claims import is_due
from survey.sms.outbox.queue import WRITE_MESSAGE, padded
from survey.workdays import local_midnight

PARTED_AT_ONCE = 200
UNFINISHED = (MessageState.READY, MessageState.SENDING, MessageState.UNKNOWN)


def part_due(session: Session, now: datetime) -> int:
    """Part some reminders that are due; gives how many, 0 when none is left.

    Those that another process is parting are left to it. Run again it finds the others.
    """
    table = table_of(Message)
    query = (
        select(table.c.id)
        .where(is_due(now), Message.kind == MessageKind.REMINDER)
        .where(Message.invitation_id.is_not(None))
        .order_by(func.random())  # or one batch after the other would keep the order of invitations
        .limit(PARTED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    chosen = table.c.id.in_(session.scalars(query).all())
    rows = session.execute(select(table).where(chosen)).mappings()
    parted = [_parted(session, row, now) for row in rows]
    secrets.SystemRandom().shuffle(parted)
    session.execute(delete(table).where(chosen))
    write_many(session, WRITE_MESSAGE, parted)
    return len(parted)


def _parted(session: Session, row: Mapping[Any, Any], now: datetime) -> dict[str, object]:
    """The same reminder as a row of its own; its day is the day it was parted on."""
    message_id = secrets.token_hex(16)
    phone = Message.phone.decrypt(session, row["id"], row["phone_sealed"]) or ""
    body = Message.body.decrypt(session, row["id"], row["body_sealed"]) or ""
    return {
        **row,
        "id": message_id,
        "invitation_id": None,
        "phone_sealed": Message.phone.encrypt(session, message_id, phone),
        "phone_index": Message.phone.hash_of(session, parted_text(phone)),
        "prefix": None,
        "body_sealed": Message.body.encrypt(session, message_id, padded(body.rstrip())),
        "token_hash": None,
        "due_at": local_midnight(now),
    }


def shuffle_conversations(session: Session) -> None:
    """Rewrite what is left of conversations in random order: their place would show when they took
    place. Messages that a receipt may still change stay where they are.
    """
    settled = Message.state.not_in((*UNFINISHED, MessageState.SENT))
    shuffle_rows(session, Message, and_(Message.kind == MessageKind.DIALOGUE, settled))
    shuffle_rows(session, Conversation, true())
