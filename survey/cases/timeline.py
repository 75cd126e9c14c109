"""Write a case's timeline."""

from dataclasses import replace

from sqlalchemy.orm import Session

from survey.models.case import Case, CaseEvent, check_words


def add_event(session: Session, case: Case, event: CaseEvent) -> None:
    """Add a step; the case's revision rises with it, so that concurrent writers get a conflict.

    The caller holds the lock of the case's row.
    """
    before = case.timeline
    after = (*before, replace(event, number=len(before) + 1))
    check_words(after)
    case.timeline = after
    session.flush()
