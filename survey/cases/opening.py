"""What citizens cause: open a case, add to it, and reopen it once."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases import notices
from survey.cases.access_control import is_seen
from survey.cases.deadlines import day_of, deadlines, may_reopen
from survey.cases.timeline import add_event
from survey.crypto.tokens import new_case_code
from survey.db import advisory_lock
from survey.errors import NotFound, Refused
from survey.messages import outbox
from survey.models.case import (
    ORDER_LOCK,
    Case,
    CaseEvent,
    CaseReason,
    CaseRecord,
    CaseState,
    ContactWish,
    EventKind,
    case_of,
)
from survey.models.staff import Staff
from survey.period import Month


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why an answer needs a handler, and the version of the word list that decided it.

    `grave_words`: digest of the comment if it has grave words, else empty.
    """

    reason: CaseReason
    words_version: int
    grave_words: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """The answer of a case: key of its ballot, and the agency and sector it is about."""

    ballot_key: bytes
    agency_id: int
    sector_code: str


def opening_instant(case: Case, now: datetime) -> datetime:
    """The stored time of a citizen's action: the instant if a call is requested, else the day.

    An exact time would show readers of the case who was at the counter then.
    """
    return now if case.contact_sealed else day_of(now)


def open_case(
    session: Session,
    now: datetime,
    about: About,
    trigger: Trigger,
    contact: ContactWish | None,
) -> Case:
    """Open the one case of an answer; without a callback request it has no link to the dossier."""
    opened_at = now if contact else day_of(now)
    first_due_at, due_at = deadlines(session, now, by_the_day=contact is None)
    case = Case(code=_fresh_code(session), month=Month.at(now))
    session.add(case)
    case.contact = contact
    case.record = CaseRecord(
        ballot_key=about.ballot_key.hex(),
        agency_id=about.agency_id,
        sector_code=about.sector_code,
        reason=trigger.reason,
        words_version=trigger.words_version,
        opened_at=opened_at,
        began_at=opened_at,
        first_due_at=first_due_at,
        due_at=due_at,
        is_held=bool(trigger.grave_words),
        held_words=trigger.grave_words,
    )
    case.timeline = (CaseEvent(opened_at, None, EventKind.OPENED, number=1),)
    session.flush()
    _record(session, now, case, "case.open")
    return case


def add_contact(session: Session, now: datetime, case: Case, contact: ContactWish) -> bool:
    """Store the callback request in a case; False if the number is unchanged.

    The caller writes the audit entry with `record_contact` as its last step, because the audit
    log's lock is always taken last.
    """
    if case.contact is not None and case.contact.phone_e164 == contact.phone_e164:
        return False
    case.contact = contact
    add_event(session, case, CaseEvent(now, None, EventKind.CITIZEN_ADDED, "Xin được gọi lại."))
    return True


def record_contact(session: Session, now: datetime, case: Case) -> None:
    """Log that a citizen asked for a call."""
    _record(session, now, case, "case.contact")


def forget_contact(session: Session, now: datetime, case: Case) -> None:
    """Delete number, name and dossier code from the case when the callback request is withdrawn.

    Its messages are unlinked as well, so that no phone number can be found from the case.
    """
    if case.contact_sealed is None:
        return
    outbox.withdraw(session, case.code, now)
    case.contact = None
    withdrawn = CaseEvent(now, None, EventKind.CITIZEN_ADDED, "Không muốn được gọi lại nữa.")
    add_event(session, case, withdrawn)
    audit.append_later(session, now, "case.contact_withdrawn", f"case:{case.code}", {})


def add_from_citizen(session: Session, now: datetime, case: Case, text: str) -> None:
    """Add a timeline entry that the citizen changed the answer; `text` says what was changed."""
    at = opening_instant(case, now)
    add_event(session, case, CaseEvent(at, None, EventKind.CITIZEN_ADDED, text))


def raise_reason(case: Case, trigger: Trigger) -> None:
    """Raise the case to the more serious reason that the citizen's addition triggered."""
    record, version = case.record, trigger.words_version
    case.record = replace(record, reason=trigger.reason, words_version=version)


def close_to_agency(session: Session, now: datetime, case: Case, trigger: Trigger) -> None:
    """Hold a case back from the agency it is about, because the citizen added grave words.

    An assignee who may no longer see it is removed, so that a handler of the hotline can take it.
    """
    held = replace(case.record, is_held=True, held_words=trigger.grave_words)
    owner = session.get(Staff, held.assignee_id) if held.assignee_id else None
    if owner is not None and not is_seen(session, owner, held):
        held = replace(held, assignee_id=None)
    case.record = held
    add_event(session, case, CaseEvent(opening_instant(case, now), None, EventKind.HELD))


def open_again(
    session: Session, now: datetime, case: Case, *, staff_id: int | None = None, text: str = ""
) -> None:
    """Reopen a case that was replied to or closed: new deadlines, no assignee.

    `staff_id` and `text`: who of staff did it for the citizen, and why.
    """
    at = opening_instant(case, now) if staff_id is None else now
    by_the_day = case.contact_sealed is None
    first_due_at, due_at = deadlines(session, now, by_the_day=by_the_day)
    record = replace(
        case.record,
        state=CaseState.REOPENED,
        # The handler who settled the case is not the one to review it.
        assignee_id=None,
        began_at=at,
        first_due_at=first_due_at,
        due_at=due_at,
        is_postponed=False,
        first_reaction_at=None,
        replied_at=None,
        closed_at=None,
    )
    case.record = record
    case.is_archived = False
    add_event(session, case, CaseEvent(at, staff_id, EventKind.REOPENED, text))


def reopen_by_citizen(session: Session, ballot_key: bytes, now: datetime) -> Case:
    """Reopen the case, once, because the citizen is not satisfied with the reply.

    NotFound `no_case`; Refused `case_already_reopened`, or `case_not_reopenable` before a reply and
    later than 30 days after the end.
    """
    advisory_lock(session, ORDER_LOCK, shared=True)
    query = case_of(session, ballot_key).with_for_update()
    case = session.scalars(query.execution_options(populate_existing=True)).first()
    if case is None:
        raise NotFound("no_case")
    reopen(session, case, now)
    _record(session, now, case, "case.reopen")
    return case


def reopen(
    session: Session, case: Case, now: datetime, *, staff_id: int | None = None, text: str = ""
) -> None:
    """Reopen the case (allowed once) and text the new deadline if a call was requested.

    Refused as in `reopen_by_citizen`; `staff_id` and `text` as in `open_again`.
    """
    record = case.record
    if record.is_reopened:
        raise Refused("case_already_reopened")
    if not may_reopen(record, now):
        raise Refused("case_not_reopenable")
    case.record = replace(record, is_reopened=True)
    open_again(session, now, case, staff_id=staff_id, text=text)
    notices.notify_of_deadline(session, case, "reopened", now)


def _fresh_code(session: Session) -> str:
    while True:
        code = new_case_code()
        if session.scalar(select(Case.code).where(Case.code == code)) is None:
            return code


def _record(session: Session, now: datetime, case: Case, action: str) -> None:
    """Append the citizen's action to the audit log, so that no case can vanish unnoticed."""
    reason, at = case.record.reason, opening_instant(case, now)
    audit.append_later(session, at, action, f"case:{case.code}", {"reason": reason})
