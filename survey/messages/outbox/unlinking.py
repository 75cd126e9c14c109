"""Unlinking (anonymising) reminders: on their due day all lose the link to their invitation.

Whether a reminder was sent or not needed reveals whether there is an answer, so from then on its
row must lead to no dossier and no recipient. It is rewritten with a new id, in random physical
order, and with a blind index of the address that no other row has. Only its encrypted body
contains what it asks about. All are unlinked, answered or not.
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
    """Unlink a batch of due reminders; returns how many, 0 when none is left.

    Rows that another process has locked are skipped; the next call finds the others.
    """
    table = table_of(Message)
    query = (
        select(table.c.id)
        .where(is_due(now), Message.kind == MessageKind.REMINDER)
        .where(Message.invitation_id.is_not(None))
        .order_by(func.random())  # otherwise batches would follow the order of invitations
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
    """The row of an unlinked reminder; it is due on the day it is unlinked."""
    message_id = secrets.token_hex(16)
    # It was not sent yet, so it has a recipient.
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
    """Shuffle what is left of conversations: physical row order would show when they took place.

    Messages that a receipt may still change are not moved.
    """
    ended = Message.state.not_in((*UNFINISHED, MessageState.SENT))
    shuffle_rows(session, Message, and_(Message.kind == MessageKind.DIALOGUE, ended))
    shuffle_rows(session, Conversation, true())
