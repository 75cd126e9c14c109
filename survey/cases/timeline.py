"""The one way to write a case's timeline."""

from sqlalchemy.orm import Session

from survey.models.case import Case, CaseEvent


def add_event(session: Session, case: Case, event: CaseEvent) -> None:
    """Add a step; the case's revision changes with it, so that whoever writes beside it is told.

    The caller holds the case's row.
    """
    case.keep_events(session, (*case.events(session), event))
    session.flush()
