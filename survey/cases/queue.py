"""Lists of cases: a handler's queue with views and counts, and open alerts with their cases.

State and deadlines are encrypted in each case, so lists are built from decrypted cases.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots import storage
from survey.ballots.contents import Answer
from survey.cases.access_control import SeenCase, seen
from survey.cases.deadlines import SOON_HOURS, time_left
from survey.cases.labels import REASONS
from survey.cases.records import opened_in_work
from survey.models.case import Case, CaseRecord, CaseState
from survey.models.organisation import Agency, alphabetical
from survey.models.staff import Scope, Staff
from survey.period import Month
from survey.privacy.masking import mask_text
from survey.province import calendar_of

PAGE_ROWS = 25
EXCERPT_LENGTH = 90


class View(StrEnum):
    """Views of the queue, in the order of the page."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    REOPENED = "reopened"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the queue; `hours_left`: working hours, negative if overdue, None if stopped."""

    seen: SeenCase
    assignee: Staff | None
    rating: int | None
    excerpt: str
    hours_left: float | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of a view: rows, page number from 1, number of pages, number of cases."""

    rows: list[Row]
    number: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """The open cases of one rule at one agency, soonest due first.

    `opened_at`: when the earliest of them began.
    """

    rule: str
    agency: Agency
    opened_at: datetime
    cases: list[SeenCase]


def in_views(
    session: Session, cases: Sequence[SeenCase], staff: Staff, now: datetime
) -> dict[View, list[SeenCase]]:
    """The cases of each view."""
    soon = calendar_of(session).add_working_hours(now, SOON_HOURS)
    found: dict[View, list[SeenCase]] = {view: [] for view in View}
    found[View.ALL] = list(cases)
    for one in cases:
        record, due = one.case.record, one.case.deadline
        if due is not None and due < soon:
            found[View.OVERDUE if due < now else View.DUE_SOON].append(one)
        if record.state == CaseState.REOPENED:
            found[View.REOPENED].append(one)
        if record.state == CaseState.CLOSED:
            continue
        if record.assignee_id is None:
            found[View.UNASSIGNED].append(one)
        elif record.assignee_id == staff.id:
            found[View.MINE].append(one)
    return found


def show_page(session: Session, cases: Sequence[SeenCase], number: int, now: datetime) -> QueuePage:
    """One page of these cases: open ones with grave words first, then soonest due first."""
    pages = max(1, -(-len(cases) // PAGE_ROWS))
    number = min(max(1, number), pages)
    first = (number - 1) * PAGE_ROWS
    ordered = sorted(cases, key=lambda one: one.case.order)
    ordered.sort(key=lambda one: not one.case.is_grave)
    shown = ordered[first : first + PAGE_ROWS]
    return QueuePage(_rows(session, shown, now), number, pages, len(cases))


def open_cases(session: Session, state: str = "") -> list[SeenCase]:
    """All open cases, or unarchived ones of a state, without access control; soonest due first."""
    cases = seen(session, opened_in_work(session), Scope())
    if state:
        return [one for one in cases if one.record.state == state]
    return [one for one in cases if not one.is_closed]


def agencies_of(cases: Sequence[SeenCase]) -> list[Agency]:
    """The agencies of these cases, by name."""
    found = {one.agency.id: one.agency for one in cases}
    return sorted(found.values(), key=lambda one: alphabetical(one.name))


def archived_months(session: Session) -> list[Month]:
    """The months (YYYY-MM) that have archived cases, newest first."""
    query = select(Case.month).where(Case.is_archived).distinct()
    return list(session.scalars(query.order_by(Case.month.desc())))


def grave_and_free(cases: Sequence[SeenCase]) -> list[SeenCase]:
    """The open cases with grave words that have no assignee, soonest due first."""
    free = (one for one in cases if one.case.is_grave and one.record.assignee_id is None)
    return sorted(free, key=lambda one: one.case.order)


def count_alerts(cases: Sequence[SeenCase]) -> int:
    """Number of open alerts of bad answers, as grouped by `case_groups`."""
    records = (one.case.record for one in cases)
    return len({(one.reason, one.agency_id) for one in records if one.state != CaseState.CLOSED})


def case_groups(cases: Sequence[SeenCase]) -> list[CaseGroup]:
    """Open alerts of bad answers, one per rule and agency: gravest, then most cases first."""
    found: dict[tuple[str, int], list[SeenCase]] = {}
    for one in cases:
        if not one.is_closed:
            found.setdefault((one.record.reason, one.agency.id), []).append(one)
    cards = [
        CaseGroup(
            reason,
            group[0].agency,
            min(one.record.began_at for one in group),
            sorted(group, key=lambda one: (one.case.next_due, one.code)),
        )
        for (reason, _), group in found.items()
    ]
    gravity = list(REASONS)
    return sorted(
        cards, key=lambda card: (gravity.index(card.rule), -len(card.cases), card.agency.name)
    )


def answers_in(session: Session, records: Iterable[CaseRecord]) -> dict[str, Answer]:
    """The current answers of these cases, by key of the ballot (hex) as stored in the case."""
    keys = [bytes.fromhex(one.ballot_key) for one in records if one.ballot_key]
    found = storage.find_many(session, keys)
    return {key.hex(): one.answer for key, one in found.items() if one.answer}


def _rows(session: Session, cases: Sequence[SeenCase], now: datetime) -> list[Row]:
    records = [one.record for one in cases]
    answers = answers_in(session, records)
    owners = {one.assignee_id for one in records if one.assignee_id}
    staff = {one.id: one for one in session.scalars(select(Staff).where(Staff.id.in_(owners)))}
    calendar = calendar_of(session)
    rows = []
    for one in cases:
        due = one.case.deadline
        answer = answers.get(one.record.ballot_key or "")
        rows.append(
            Row(
                one,
                staff.get(one.record.assignee_id or 0),
                answer.overall if answer else None,
                _excerpt(answer.comment if answer else ""),
                time_left(calendar, due, now) if due else None,
            )
        )
    return rows


def _excerpt(comment: str) -> str:
    """The first characters of a comment, masked before it is cut."""
    text = " ".join(mask_text(comment).split())
    if len(text) <= EXCERPT_LENGTH:
        return text
    cut = text[:EXCERPT_LENGTH]
    # A mask such as [số điện thoại] is not cut in two.
    if cut.rfind("[") > cut.rfind("]"):
        cut = cut[: cut.rfind("[")]
    return f"{cut.rstrip()}…"
