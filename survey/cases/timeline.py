"""The one way to write a case's timeline."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from survey.models.case import Case, CaseEvent, EventKind


def add_event(
    session: Session,
    case: Case,
    kind: EventKind,
    at: datetime,
    *,
    staff_id: int | None = None,
    text: str = "",
) -> CaseEvent:
    """Add a step and raise the case's revision, so that whoever writes beside it is told.

    The caller holds the case's row, which keeps the numbers apart.
    """
    flag_modified(case, "state")
    session.flush()
    last = session.scalar(select(func.max(CaseEvent.number)).where(CaseEvent.case_id == case.id))
    event = CaseEvent(
        case_id=case.id, number=(last or 0) + 1, at=at, staff_id=staff_id, kind=kind, text=text
    )
    session.add(event)
    session.flush()
    return event
