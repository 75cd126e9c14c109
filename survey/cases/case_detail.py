"""The case detail of one page: answer, timeline, both deadlines and the masked citizen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots import storage
from survey.ballots.contents import Answer
from survey.cases.access_control import Identity, find, masked_identity, may_release, reveals_left
from survey.cases.deadlines import Clock, day_of, may_reopen, postponed_until, read_clocks
from survey.cases.labels import CLOSE_REASONS, EVENTS
from survey.cases.notices import may_text
from survey.catalogues import gettext
from survey.messages.labels import STATES
from survey.models.ballot import Mode
from survey.models.case import Case, CaseEvent, CaseRecord, EventKind
from survey.models.message import Message
from survey.models.organisation import Agency, Sector
from survey.models.staff import RoleName, Staff
from survey.privacy.masking import mask_text
from survey.surveys import names

# Notes between colleagues may name the citizen, so heads of agencies do not read them.
INSIDE = frozenset({EventKind.REVEALED, EventKind.NOTED, EventKind.HELD, EventKind.RELEASED})


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of the timeline; `by` is a staff name, or empty for the citizen and the platform.

    `is_day`: only the day is known. `number` counts the case's own steps (0: a message).
    """

    at: datetime
    kind: str
    title: str
    by: str
    text: str
    is_day: bool
    number: int


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """A case as one account may see it."""

    case: Case
    record: CaseRecord
    agency: Agency
    sector: Sector
    assignee: Staff | None
    answer: Answer | None
    # Names of the factors that were given as reasons.
    reasons: tuple[str, ...]
    comment: str
    timeline: list[TimelineEntry]
    first: Clock
    written: Clock
    citizen: Identity | None
    reveals_left: int
    may_text: bool
    # A citizen who answers by SMS has no link, and so no page on which to read the reply.
    has_page: bool
    # A handler may reopen the case for a citizen who calls.
    may_reopen: bool
    # The case is still held back from the agency, and this account may release it.
    may_release: bool
    # The new deadline if the reply is postponed now; None when it can no longer be postponed.
    may_postpone_until: datetime | None


def case_detail(session: Session, staff: Staff, code: str, now: datetime) -> CaseDetail:
    """Read a case for a page; NotFound `no_case` outside the account's scope."""
    case = find(session, staff, code)
    record = case.record
    ballot = storage.find(session, bytes.fromhex(record.ballot_key)) if record.ballot_key else None
    answer = ballot.answer if ballot else None
    first, written = read_clocks(session, record, now)
    owner = record.assignee_id
    is_handler = staff.role is RoleName.HANDLER
    return CaseDetail(
        case=case,
        record=record,
        agency=session.get_one(Agency, record.agency_id),
        sector=session.get_one(Sector, record.sector_code),
        assignee=session.get(Staff, owner) if owner else None,
        answer=answer,
        reasons=_reasons(session, answer.reasons) if answer else (),
        comment=mask_text(answer.comment) if answer else "",
        timeline=_timeline(session, staff, case),
        first=first,
        written=written,
        citizen=masked_identity(staff, case),
        reveals_left=reveals_left(session, staff, now),
        may_text=is_handler and may_text(case),
        has_page=ballot is None or ballot.ballot.mode == Mode.WEB,
        may_reopen=is_handler and may_reopen(record, now),
        may_release=record.is_held and may_release(session, staff),
        may_postpone_until=(
            postponed_until(session, record)
            if not record.is_postponed and now < record.due_at
            else None
        ),
    )


def _reasons(session: Session, codes: Sequence[str]) -> tuple[str, ...]:
    known = names(session) if codes else {}
    return tuple(known[code] for code in codes)


def _timeline(session: Session, staff: Staff, case: Case) -> list[TimelineEntry]:
    """Steps in their order; each message after the steps that precede it in time."""
    is_handler = staff.role is RoleName.HANDLER
    events = case.timeline
    ids = {event.staff_id for event in events if event.staff_id}
    people = {one.id: one for one in session.scalars(select(Staff).where(Staff.id.in_(ids)))}
    entries = [
        _entry(event, people.get(event.staff_id or 0), is_handler=is_handler)
        for event in events
        if is_handler or event.kind not in INSIDE or event.staff_id == staff.id
    ]
    if not is_handler:
        return entries
    about = Message.by_case.of(session, case.code)
    query = select(Message).where(Message.case_hash == about).order_by(Message.due_at)
    for message in session.scalars(query):
        at = message.sent_at or message.due_at
        place = sum(entry.at <= at for entry in entries)
        words = gettext(
            "%(segments)s tin, %(state)s.",
            segments=message.segments,
            state=gettext(STATES[message.state][0]).lower(),
        )
        entries.insert(
            place,
            TimelineEntry(at, "message", gettext("Tin nhắn"), "", words, is_day=False, number=0),
        )
    return entries


def _entry(event: CaseEvent, person: Staff | None, *, is_handler: bool) -> TimelineEntry:
    text = event.text
    if event.kind == EventKind.CLOSED:
        why = ": ".join(filter(None, (gettext(CLOSE_REASONS[event.reason]), event.receiver)))
        text = f"{why}.\n{text}".strip()
    return TimelineEntry(
        at=event.at,
        kind=event.kind,
        title=gettext(EVENTS[event.kind]),
        by=(person.name or person.email) if person else "",
        text=text if is_handler else mask_text(text),
        # The exact time would show the head of an agency who was at the counter with a phone then.
        is_day=event.staff_id is None and (not is_handler or event.at == day_of(event.at)),
        number=event.number,
    )
