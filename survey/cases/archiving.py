"""Closed cases leave the lists of work three months after they were closed; those in work lie in
random order.

A list opens every case it may show; without filing it would open all there ever were.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from survey.db import advisory_lock
from survey.models.case import ORDER_LOCK, Case, if_it_opens, in_work
from survey.row_order import shuffle_rows

# Three times as long as a citizen may have a closed case opened again.
LISTED = timedelta(days=90)


def archive_due(session: Session, now: datetime) -> int:
    """File away what was closed long ago; gives how many. One that does not open stays listed."""
    archived = 0
    for case in session.scalars(in_work().with_for_update(skip_locked=True)):
        record = if_it_opens(case, Case.record)
        if record is not None and (record.closed_at or now) < now - LISTED:
            case.is_archived = True
            archived += 1
    session.flush()
    return archived


def shuffle(session: Session) -> None:
    """Rewrite the rows of cases in work in random order: their place would show which of them a
    citizen or a handler touched last.
    """
    advisory_lock(session, ORDER_LOCK)
    shuffle_rows(session, Case, Case.is_archived.is_(False))
