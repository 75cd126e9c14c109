"""Closed cases leave the lists of work, months later and a whole month at a time.

A list opens every case it may show; without this it would open all there ever were.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.case import Case, CaseState
from survey.workdays import local_month

# Longer than a citizen may still have a closed case opened again.
LISTED_DAYS = 92


def file_away(session: Session, now: datetime) -> int:
    """File away the closed cases of months that ended long ago; gives how many."""
    before = local_month(now - timedelta(days=LISTED_DAYS))
    query = select(Case).where(Case.is_filed_away.is_(False), Case.month < before)
    closed = [
        case
        for case in session.scalars(query.with_for_update(skip_locked=True))
        if case.standing(session).state == CaseState.CLOSED
    ]
    for case in closed:
        case.is_filed_away = True
    session.flush()
    return len(closed)
