"""Closed cases leave the lists of work three months after they were closed; those in work lie in
random order.

A list opens every case it may show; without filing it would open all there ever were.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from survey.db import hold
from survey.models.case import ORDER_LOCK, Case, if_it_opens, in_work
from survey.row_order import shuffle_rows

# Three times as long as a citizen may have a closed case opened again.
LISTED = timedelta(days=90)


def file_away(session: Session, now: datetime) -> int:
    """File away what was closed long ago; gives how many. One that does not open stays listed."""
    filed = 0
    for case in session.scalars(in_work().with_for_update(skip_locked=True)):
        standing = if_it_opens(case, Case.standing)
        if standing is not None and (standing.closed_at or now) < now - LISTED:
            case.is_filed_away = True
            filed += 1
    session.flush()
    return filed


def shuffle(session: Session) -> None:
    """Rewrite the rows of cases in work in random order: their place would show which of them a
    citizen or a handler touched last.
    """
    hold(session, ORDER_LOCK)
    shuffle_rows(session, Case, Case.is_filed_away.is_(False))
