"""Archive closed cases after three months; shuffle the rows of the others.

A list decrypts every case that is not archived; without archiving it would decrypt all cases ever.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from survey.db import advisory_lock
from survey.models.case import ORDER_LOCK, Case, if_it_opens, in_work
from survey.row_order import shuffle_rows

# Three times as long as a citizen may have a closed case opened again.
LISTED = timedelta(days=90)


def archive_due(session: Session, now: datetime) -> int:
    """Archive cases closed long ago; return how many. One that cannot be decrypted stays listed."""
    archived = 0
    for case in session.scalars(in_work().with_for_update(skip_locked=True)):
        record = if_it_opens(case, Case.record)
        if record is not None and (record.closed_at or now) < now - LISTED:
            case.is_archived = True
            archived += 1
    session.flush()
    return archived


def shuffle(session: Session) -> None:
    """Rewrite the rows of unarchived cases in random order.

    Physical row order (ctid) would show which case a citizen or a handler changed last.
    """
    advisory_lock(session, ORDER_LOCK)
    shuffle_rows(session, Case, Case.is_archived.is_(False))
