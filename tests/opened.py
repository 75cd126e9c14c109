"""Cases as tests look at them and set them up: what is sealed in them, opened."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.cases.timeline import add_event
from survey.models.case import (
    Case,
    CaseEvent,
    CaseRecord,
    CaseState,
    CloseReason,
    EventKind,
)


@dataclass(frozen=True)
class Opened:
    """A case with its standing and timeline; columns and parts of the standing by their names."""

    case: Case
    record: CaseRecord
    events: tuple[CaseEvent, ...]

    def __getattr__(self, name: str) -> Any:
        """What the standing says, else what the row holds."""
        return getattr(self.record if hasattr(self.record, name) else self.case, name)

    @property
    def reply(self) -> str | None:
        """The newest written reply."""
        return next((one.text for one in reversed(self.events) if one.kind == "replied"), None)


def opened(session: Session, case: Case) -> Opened:
    """All of one case."""
    return Opened(case, case.record, case.timeline)


def opened_cases(session: Session) -> list[Opened]:
    """All of every case."""
    return [opened(session, case) for case in session.scalars(select(Case))]


def the_case(session: Session) -> Opened:
    """All of the only case there is."""
    (case,) = opened_cases(session)
    return case


def put_case(session: Session, **changes: Any) -> None:
    """Let the only case there is stand otherwise."""
    case = session.scalars(select(Case)).one()
    case.record = replace(case.record, **changes)


def reply_to(session: Session, letter: str) -> None:
    """Let the only case there is be replied to, on the day it was opened."""
    case = session.scalars(select(Case)).one()
    opened_at = case.record.opened_at
    put_case(session, state=CaseState.REPLIED, replied_at=opened_at)
    add_event(session, case, CaseEvent(opened_at, None, EventKind.REPLIED, letter))


def end_case(session: Session, at: datetime) -> None:
    """Let the only case there is be closed, with words for the citizen."""
    case = session.scalars(select(Case)).one()
    put_case(session, state=CaseState.CLOSED, closed_at=at, close_reason=CloseReason.RESOLVED)
    words = "Chúng tôi đã giải quyết xong."
    add_event(session, case, CaseEvent(at, None, EventKind.CLOSED, words, CloseReason.RESOLVED))
