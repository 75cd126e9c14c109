"""Steps of staff on a case, from taking to closing it; timeline and audit log store each step.

Every step begins with `claim`, which locks the row and refuses an outdated revision.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases import notices, opening
from survey.cases.access_control import REASON_LENGTH, is_seen, may_release
from survey.cases.deadlines import postponed_until
from survey.cases.notices import Way
from survey.cases.timeline import add_event
from survey.db import advisory_lock
from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.models.case import (
    CASE_STEPS,
    ORDER_LOCK,
    Case,
    CaseEvent,
    CaseRecord,
    CaseState,
    CloseReason,
    EventKind,
)
from survey.models.staff import RoleName, Staff

TEXT_LENGTH = 4000
RECEIVER_LENGTH = 200
# These reasons claim that the matter is settled, which takes a written reply.
NEED_REPLY = frozenset({CloseReason.RESOLVED, CloseReason.EXPLAINED})


@dataclass(frozen=True, slots=True)
class Ending:
    """How a case is closed.

    `text` is for the citizen, `receiver` only for a transfer, `note` for colleagues; `way`: how the
    text reaches the citizen in addition to the page.
    """

    reason: CloseReason
    text: str = ""
    receiver: str = ""
    note: str = ""
    way: Way = Way.PAGE

    def __post_init__(self) -> None:
        """Validate `way`: ValueError for a notice, which announces replies only."""
        if self.way is Way.NOTICE:
            message = "an ending is texted in full or not at all"
            raise ValueError(message)


def claim(session: Session, staff: Staff, code: str, revision: int) -> Case:
    """Lock the case's row until the transaction ends (optimistic check of `revision`).

    NotFound `no_case` outside the account's scope; Conflict `case_changed` when staff or the
    citizen changed the case after `revision` was read.
    """
    advisory_lock(session, ORDER_LOCK, shared=True)
    query = select(Case).where(Case.code == code).with_for_update()
    case = session.scalars(query.execution_options(populate_existing=True)).first()
    if case is None or not is_seen(session, staff, case.record):
        raise NotFound("no_case", code)
    if case.revision != revision:
        raise Conflict("case_changed", code)
    return case


def take(session: Session, staff: Staff, case: Case, now: datetime) -> None:
    """Assign the case to oneself; also takes over from a colleague or resumes a replied case."""
    _only_handlers(staff)
    record = case.record
    if record.state != CaseState.IN_PROGRESS:
        _check_step(record, CaseState.IN_PROGRESS)
    taken = replace(
        record,
        state=CaseState.IN_PROGRESS,
        assignee_id=staff.id,
        first_reaction_at=record.first_reaction_at or now,
    )
    case.record = taken
    _record(session, case, CaseEvent(now, staff.id, EventKind.TAKEN))


def note(session: Session, staff: Staff, case: Case, text: str, now: datetime) -> None:
    """Add a note that only staff read; heads of agencies state their view this way."""
    _record(session, case, CaseEvent(now, staff.id, EventKind.NOTED, _words(text, "note_empty")))


def postpone(session: Session, staff: Staff, case: Case, reason: str, now: datetime) -> None:
    """Postpone the written reply, once and before it is due; text the citizen who asked for a call.

    `reason` is read by colleagues and the agency. Refused `already_postponed`, `postpone_too_late`,
    `case_step` unless the case is in progress; Invalid `postpone_reason`.
    """
    record = _own(staff, case)
    reason = _words(reason, "postpone_reason")
    if record.state != CaseState.IN_PROGRESS:
        raise Refused("case_step", record.state)
    if record.is_postponed:
        raise Refused("already_postponed")
    if now >= record.due_at:
        raise Refused("postpone_too_late")
    later = postponed_until(session, record)
    case.record = replace(record, due_at=later, is_postponed=True)
    _record(session, case, CaseEvent(now, staff.id, EventKind.POSTPONED, reason))
    notices.notify_of_deadline(session, case, "delay", now)


def reply(
    session: Session, staff: Staff, case: Case, letter: tuple[str, Way], now: datetime
) -> None:
    """Reply in writing; `letter` is the text for the citizen's page and the additional way.

    Refused `take_first` for cases of others, `no_mobile_wished`; Invalid `reply_empty`,
    `text_too_long`, or an error of `notices.compose`.
    """
    record = _own(staff, case)
    text, way = letter
    text = _words(text, "reply_empty")
    message = notices.compose(session, case, text, way, now)
    _check_step(record, CaseState.REPLIED)
    case.record = replace(record, state=CaseState.REPLIED, replied_at=now)
    _record(session, case, CaseEvent(now, staff.id, EventKind.REPLIED, text))
    if message is not None:
        notices.send(session, case, message, now)


def close(session: Session, staff: Staff, case: Case, ending: Ending, now: datetime) -> None:
    """Close with a reason and a text for the citizen, who may still reopen.

    Refused `close_needs_reply` when the reason says it is settled and nobody replied,
    `no_mobile_wished`; Invalid `close_text` without a text when nobody replied, `close_receiver`,
    `text_too_long`, or an error of `notices.compose`.
    """
    record = _own(staff, case)
    if ending.reason in NEED_REPLY and record.replied_at is None:
        raise Refused("close_needs_reply")
    has_words = record.replied_at is None or ending.text.strip()
    text = _words(ending.text, "close_text") if has_words else ""
    receiver = _receiver(ending)
    note = _words(ending.note, "note_empty") if ending.note.strip() else ""
    public_text = f"{text} Nơi nhận: {receiver}." if receiver else text
    message = notices.compose(session, case, public_text, ending.way, now) if text else None
    _check_step(record, CaseState.CLOSED)
    closed = replace(record, state=CaseState.CLOSED, close_reason=ending.reason, closed_at=now)
    case.record = closed
    if note:
        _record(session, case, CaseEvent(now, staff.id, EventKind.NOTED, note))
    event = CaseEvent(now, staff.id, EventKind.CLOSED, text, ending.reason, receiver)
    _record(session, case, event)
    if message is not None:
        notices.send(session, case, message, now)


def release(session: Session, staff: Staff, case: Case, reason: str, now: datetime) -> None:
    """Release a held case to its agency; timeline and audit log store who did so, and why.

    Refused `whole_province_only`, `not_held`; Invalid `release_reason`.
    """
    if not may_release(session, staff):
        raise Refused("whole_province_only")
    record = case.record
    if not record.is_held:
        raise Refused("not_held")
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise Invalid("release_reason")
    case.record = replace(record, is_held=False)
    add_event(session, case, CaseEvent(now, staff.id, EventKind.RELEASED, reason))
    subject, detail = f"case:{case.code}", {"reason": reason}
    audit.append(session, now, "case.released", subject, staff_id=staff.id, detail=detail)


def reopen(session: Session, staff: Staff, case: Case, now: datetime) -> None:
    """Reopen the case, once, for a citizen who calls and is not satisfied with the reply.

    Citizens who answer by SMS have no page with that button. Refused as in `opening.reopen`.
    """
    _only_handlers(staff)
    opening.reopen(session, case, now, staff_id=staff.id, text="Người dân gọi tổng đài đề nghị.")
    audit.append(session, now, "case.reopened", f"case:{case.code}", staff_id=staff.id)


def _record(session: Session, case: Case, event: CaseEvent) -> None:
    """Write timeline, then audit log: its lock is taken last, because all writers wait for it."""
    add_event(session, case, event)
    subject = f"case:{case.code}"
    audit.append(session, event.at, f"case.{event.kind}", subject, staff_id=event.staff_id)


def _check_step(record: CaseRecord, state: CaseState) -> None:
    if state not in CASE_STEPS[CaseState(record.state)]:
        raise Refused("case_step", record.state)


def _only_handlers(staff: Staff) -> None:
    if staff.role is not RoleName.HANDLER:
        raise Refused("handlers_only")


def _own(staff: Staff, case: Case) -> CaseRecord:
    """The record of one's own case; Refused `handlers_only`, or `take_first`."""
    _only_handlers(staff)
    record = case.record
    if record.assignee_id != staff.id:
        raise Refused("take_first")
    return record


def _receiver(ending: Ending) -> str:
    """The receiver of a transferred case, in one line; empty for other reasons."""
    if ending.reason is not CloseReason.TRANSFERRED:
        return ""
    receiver = " ".join(ending.receiver.split())
    if not receiver or len(receiver) > RECEIVER_LENGTH:
        raise Invalid("close_receiver")
    return receiver


def _words(text: str, code: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid(code)
    if len(text) > TEXT_LENGTH:
        raise Invalid("text_too_long", str(TEXT_LENGTH))
    return text
