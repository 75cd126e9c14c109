"""The lists: a handler's queue with its views and counts, and open alerts with their cases.

What decides is sealed in each case, so lists are made from opened cases that an account sees.
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
    """The views of the queue, in the order they are offered."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    REOPENED = "reopened"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue; `hours_left` in working hours, negative when overdue, None at rest."""

    seen: SeenCase
    assignee: Staff | None
    rating: int | None
    excerpt: str
    hours_left: float | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of a view: rows, its number from 1, pages in all, cases in all."""

    rows: list[Row]
    number: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """The open cases of one rule at one agency, soonest due first; `opened_at`: since when the
    first of them runs.
    """

    rule: str
    agency: Agency
    opened_at: datetime
    cases: list[SeenCase]


def in_views(
    session: Session, cases: Sequence[SeenCase], staff: Staff, now: datetime
) -> dict[View, list[SeenCase]]:
    """The cases that stand in each view."""
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
    """One page of these cases: what is grave and open on top, then soonest due first."""
    pages = max(1, -(-len(cases) // PAGE_ROWS))
    number = min(max(1, number), pages)
    first = (number - 1) * PAGE_ROWS
    ordered = sorted(cases, key=lambda one: one.case.order)
    ordered.sort(key=lambda one: not one.case.is_grave)
    shown = ordered[first : first + PAGE_ROWS]
    return QueuePage(_rows(session, shown, now), number, pages, len(cases))


def open_cases(session: Session, state: str = "") -> list[SeenCase]:
    """All open cases, or all cases in work of a state, for who may see everything; soonest due
    first.
    """
    cases = seen(session, opened_in_work(session), Scope())
    if state:
        return [one for one in cases if one.record.state == state]
    return [one for one in cases if not one.is_closed]


def agencies_of(cases: Sequence[SeenCase]) -> list[Agency]:
    """The agencies that some cases are about, by name."""
    found = {one.agency.id: one.agency for one in cases}
    return sorted(found.values(), key=lambda one: alphabetical(one.name))


def archived_months(session: Session) -> list[Month]:
    """The months (YYYY-MM) of which cases were filed away, newest first."""
    query = select(Case.month).where(Case.is_archived).distinct()
    return list(session.scalars(query.order_by(Case.month.desc())))


def grave_and_free(cases: Sequence[SeenCase]) -> list[SeenCase]:
    """The open cases with grave words that nobody took, soonest due first."""
    free = (one for one in cases if one.case.is_grave and one.record.assignee_id is None)
    return sorted(free, key=lambda one: one.case.order)


def count_alerts(cases: Sequence[SeenCase]) -> int:
    """How many open alerts of bad answers there are: those of `case_groups`."""
    records = (one.case.record for one in cases)
    return len({(one.reason, one.agency_id) for one in records if one.state != CaseState.CLOSED})


def case_groups(cases: Sequence[SeenCase]) -> list[CaseGroup]:
    """The open alerts of bad answers, at most one a rule and agency: gravest and fullest first."""
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
    """What the citizens of some cases say now, by the key of the ballot (hex) as cases name it."""
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
    """The first characters of a comment, numbers covered before it is cut."""
    text = " ".join(mask_text(comment).split())
    if len(text) <= EXCERPT_LENGTH:
        return text
    cut = text[:EXCERPT_LENGTH]
    # A cover such as [số điện thoại] is not cut in two.
    if cut.rfind("[") > cut.rfind("]"):
        cut = cut[: cut.rfind("[")]
    return f"{cut.rstrip()}…"
