"""Unlinks reminders whose day has come from their invitations, all of them, answered or not.

Whether a reminder left or was not needed reveals whether there is an answer, so from here on its
row must lead to no dossier and no receiver: it is written again, under a new id and in a random
place, with a hash of the address that nothing else holds. Its encrypted body alone knows what it
asks about.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import and_, delete, func, select, true
from sqlalchemy.orm import Session

from survey.bulk import write_many
from survey.db import table_of
from survey.messages.outbox.leases import is_due
from survey.messages.outbox.queue import WRITE_MESSAGE, padded
from survey.models.message import Conversation, Message, MessageKind, MessageState
from survey.models.recipient import IndexUse, Recipient
from survey.province.workdays import local_midnight
from survey.row_order import shuffle_rows

UNLINKED_AT_ONCE = 200
UNFINISHED = (MessageState.READY, MessageState.SENDING, MessageState.UNKNOWN)


def unlink_due(session: Session, now: datetime) -> int:
    """Unlink some reminders that are due; returns how many, 0 when none is left.

    Those that another process is unlinking are skipped. Run again it finds the others.
    """
    table = table_of(Message)
    query = (
        select(table.c.id)
        .where(is_due(now), Message.kind == MessageKind.REMINDER)
        .where(Message.invitation_id.is_not(None))
        .order_by(func.random())  # or one batch after the other would keep the order of invitations
        .limit(UNLINKED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    chosen = table.c.id.in_(session.scalars(query).all())
    rows = session.execute(select(table).where(chosen)).mappings()
    unlinked = [_unlinked(session, row, now) for row in rows]
    secrets.SystemRandom().shuffle(unlinked)
    session.execute(delete(table).where(chosen))
    write_many(session, WRITE_MESSAGE, unlinked)
    return len(unlinked)


def _unlinked(session: Session, row: Mapping[Any, Any], now: datetime) -> dict[str, object]:
    """The same reminder as a row of its own; its day is the day it was unlinked on."""
    message_id = secrets.token_hex(16)
    # It waits, so it has a receiver.
    recipient = Message.recipient.decrypt(session, row["id"], row["recipient_sealed"])
    alone = cast("Recipient", recipient).indexed_text(IndexUse.UNLINKED)
    body = Message.body.decrypt(session, row["id"], row["body_sealed"]) or ""
    return {
        **row,
        "id": message_id,
        "invitation_id": None,
        "recipient_sealed": Message.recipient.encrypt(session, message_id, recipient),
        "recipient_index": Message.recipient.hash_of(session, alone),
        "prefix": None,
        "body_sealed": Message.body.encrypt(session, message_id, padded(body.rstrip())),
        "token_hash": None,
        "due_at": local_midnight(now),
    }


def shuffle_conversations(session: Session) -> None:
    """Rewrite what is left of conversations in random order: their place would show when they took
    place. Messages that a receipt may still change stay where they are.
    """
    obsolete = Message.state.not_in((*UNFINISHED, MessageState.SENT))
    shuffle_rows(session, Message, and_(Message.kind == MessageKind.DIALOGUE, obsolete))
    shuffle_rows(session, Conversation, true())
