"""The one way to write a case's timeline."""

from datetime import datetime

from sqlalchemy.orm import Session

from survey.models.case import Case, CaseEvent, EventKind


def add_event(
    session: Session,
    case: Case,
    kind: EventKind,
    at: datetime,
    *,
    staff_id: int | None = None,
    text: str = "",
) -> None:
    """Add a step; the case's revision changes with it, so that whoever writes beside it is told.

    The caller holds the case's row.
    """
    before = case.timeline
    case.timeline = (*before, CaseEvent(len(before) + 1, at, staff_id, kind, text))
    session.flush()
